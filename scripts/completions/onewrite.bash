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

_onewrite() {
	local cur=${COMP_WORDS[COMP_CWORD]} prefix='' command option IFS=$'\n'
	COMPREPLY=()
	_onewrite_look
	if [[ -n $command ]]; then
		if declare -F _comp_command_offset >/dev/null; then
			_comp_command_offset "$command"
		elif declare -F _command_offset >/dev/null; then
			_command_offset "$command"
		elif ((command == COMP_CWORD)); then
			COMPREPLY=($(compgen -c -- "$cur"))
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
	--timeout) COMPREPLY=($(compgen -P "$prefix" -W $'500us\n1ms\n2ms\n5ms\n10ms' -- "$cur")) ;;
	--join) COMPREPLY=($(compgen -P "$prefix" -W $'header\nmessage' -- "$cur")) ;;
	--hold) COMPREPLY=($(compgen -P "$prefix" -W $'memory\nkernel' -- "$cur")) ;;
	--only)
		[[ $cur != *,* ]] || prefix+=${cur%,*},
		COMPREPLY=($(compgen -P "$prefix" -c -- "${cur##*,}" | sort -u))
		;;
	--trace)
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -P "$prefix" -f -- "$cur"))
		;;
	*) COMPREPLY=($(compgen -W $'--timeout\n--join\n--hold\n--only\n--trace\n--check\n--force\n--help\n--version\n-h\n-V' -- "$cur")) ;;
	esac
}

complete -F _onewrite onewrite
