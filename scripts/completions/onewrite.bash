# bash completion for onewrite(1)

# Where does its command begin? Sets `command` to the number of that word; to none, if there is no command before the
# cursor or at it, and then `option` to the option whose value is asked for. A joined value comes in two words more, for
# = ends a word in most settings of bash.
_onewrite_look() {
	local i=1
	command='' option=''
	while ((i < COMP_CWORD)); do
		if [[ " $_onewrite_settings $_onewrite_others " == *" ${COMP_WORDS[i]} "* ]]; then
			option=${COMP_WORDS[i]}
			[[ ${COMP_WORDS[i + 1]-} != = ]] || ((++i))
			((i + 1 < COMP_CWORD)) || return 0
			i=$((i + 2))
			while [[ ${COMP_WORDS[i]-} == :* ]]; do # a colon ends a word as well, as in a URL
				((i + 1 < COMP_CWORD)) || return 0
				i=$((i + 2))
			done
			option=''
			continue
		fi
		case ${COMP_WORDS[i]} in
		--)
			command=$((i + 1))
			return
			;;
		-*) ((++i)) ;;
		*) break ;;
		esac
	done
	[[ $i -eq $COMP_CWORD && ${COMP_WORDS[i]} == -* ]] || command=$i
}

_onewrite_offer() {
	mapfile -t COMPREPLY < <(compgen "$@" | sort -u)
}

_onewrite_names() {
	local prefix=$1
	[[ $cur != *,* ]] || prefix+=${cur%,*},
	_onewrite_offer -P "$prefix" -c -- "${cur##*,}"
}

_onewrite_file() {
	compopt -o filenames
	_onewrite_offer -P "$1" -f -- "$cur"
}

_onewrite_directory() {
	compopt -o filenames
	_onewrite_offer -P "$1" -d -- "$cur"
}

# rows: values (made by scripts/rows)
_onewrite_settings='--timeout --join --hold --only --trace --stats'
_onewrite_words='--report --observe'
_onewrite_values() { # offer values of the option $1, which stand behind $2
	case $1 in
	--timeout) _onewrite_offer -P "$2" -W '500us 1ms 2ms 5ms 10ms' -- "$cur" ;;
	--join) _onewrite_offer -P "$2" -W 'header message' -- "$cur" ;;
	--hold) _onewrite_offer -P "$2" -W 'memory kernel' -- "$cur" ;;
	--only) _onewrite_names "$2" ;;
	--trace) _onewrite_file "$2" ;;
	--stats) _onewrite_directory "$2" ;;
	*) return 1 ;;
	esac
}
# rows: end

# Options with values that are no settings.
_onewrite_others='--probe --compare --picture --post --show --format --output'
_onewrite_bare='--check --head --watch --force --help --version -h -V'
_onewrite_other_values() {
	case $1 in
	--probe | --compare) _onewrite_offer -P "$2" -W 'http://localhost:8000/' -- "$cur" ;;
	--picture | --post | --output) _onewrite_file "$2" ;;
	--show) _onewrite_directory "$2" ;;
	--format) _onewrite_offer -P "$2" -W 'table prometheus json' -- "$cur" ;;
	*) return 1 ;;
	esac
}

_onewrite() {
	local cur=${COMP_WORDS[COMP_CWORD]} prefix='' command option
	COMPREPLY=()
	_onewrite_look
	if [[ -n $command ]]; then
		if declare -F _comp_command_offset >/dev/null; then
			_comp_command_offset "$command"
		elif declare -F _command_offset >/dev/null; then
			_command_offset "$command"
		elif ((command == COMP_CWORD)); then
			_onewrite_offer -c -- "$cur"
		else
			compopt -o default
		fi
		return
	fi
	case $cur in
	=) cur='' ;;
	--*=*) option=${cur%%=*} prefix=$option= cur=${cur#*=} ;; # = is part of a word here
	esac
	_onewrite_values "$option" "$prefix" || _onewrite_other_values "$option" "$prefix" ||
		_onewrite_offer -W "$_onewrite_settings $_onewrite_words $_onewrite_others $_onewrite_bare" -- "$cur"
}

complete -F _onewrite onewrite
