# bash completion for onewrite(1)

# Where does its command begin? Sets `command` to the number of that word; to none, if there is no command before the cursor or at it, and then
# `option` to the option whose value is asked for. A joined value comes in two words more, for = ends a word in most settings of bash.
_onewrite_look() {
	local i=1
	command='' option=''
	while ((i < COMP_CWORD)); do
		case ${COMP_WORDS[i]} in
		--timeout | --join | --hold | --only | --trace)
			option=${COMP_WORDS[i]}
			[[ ${COMP_WORDS[i + 1]-} != = ]] || ((++i))
			((i + 1 < COMP_CWORD)) || return 0
			option='' i=$((i + 2))
			;;
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
	case $option in
	--timeout) _onewrite_offer -P "$prefix" -W '500us 1ms 2ms 5ms 10ms' -- "$cur" ;;
	--join) _onewrite_offer -P "$prefix" -W 'header message' -- "$cur" ;;
	--hold) _onewrite_offer -P "$prefix" -W 'memory kernel' -- "$cur" ;;
	--only)
		[[ $cur != *,* ]] || prefix+=${cur%,*},
		_onewrite_offer -P "$prefix" -c -- "${cur##*,}"
		;;
	--trace)
		compopt -o filenames
		_onewrite_offer -P "$prefix" -f -- "$cur"
		;;
	*) _onewrite_offer -W '--timeout --join --hold --only --trace --check --force --help --version -h -V' -- "$cur" ;;
	esac
}

complete -F _onewrite onewrite
