# fish completion for onewrite(1)

function __fish_onewrite_has_command -d 'Is there a command before the cursor, or does -- make the next word one?'
	set -l words (commandline -opc)
	set -e words[1]
	while set -q words[1]
		switch $words[1]
			case --
				return 0
			case $__fish_onewrite_settings $__fish_onewrite_others
				set -e words[1] # its value is the next one
			case '-*'
			case '*'
				return 0
		end
		set -q words[1]; and set -e words[1]
	end
	return 1
end

function __fish_onewrite_names -d 'Names of programs, for the last one of a list'
	set -l word (string replace -- --only= '' (commandline -ct))
	set -l before (string replace -r '[^,]*$' '' -- $word)
	for name in (complete -C (string replace -r '.*,' '' -- "$word"))
		echo $before$name
	end
end

# rows: values (made by scripts/rows)
set -g __fish_onewrite_settings --timeout --join --hold --only --trace --stats
complete -c onewrite -n 'not __fish_onewrite_has_command' -l timeout \
	-x -a '500us 1ms 2ms 5ms 10ms' \
	-d 'Hold a head for at most this time'
complete -c onewrite -n 'not __fish_onewrite_has_command' -l join \
	-x -a 'header\t"up to the first write of the body" message\t"up to the end of the message"' \
	-d 'How far a message is joined'
complete -c onewrite -n 'not __fish_onewrite_has_command' -l hold \
	-x -a 'memory\t"in the program where that is safe" kernel\t"always in the kernel"' \
	-d 'Where heads are held'
complete -c onewrite -n 'not __fish_onewrite_has_command' -l only \
	-x -a '(__fish_onewrite_names)' \
	-d 'Help the programs of these names only'
complete -c onewrite -n 'not __fish_onewrite_has_command' -l trace \
	-r -F \
	-d 'Append a line for each decision to this file'
complete -c onewrite -n 'not __fish_onewrite_has_command' -l stats \
	-x -a '(__fish_complete_directories)' \
	-d 'Count in files in this directory'
complete -c onewrite -n 'not __fish_onewrite_has_command' -l report \
	-f \
	-d 'Report when each process ends'
complete -c onewrite -n 'not __fish_onewrite_has_command' -l observe \
	-f \
	-d 'Change nothing, only count'
# rows: end
# Options with values that are no settings.
set -g __fish_onewrite_others --probe --compare --picture --post --show --format --output
# The first word is none: options at the beginning would be taken for the function's own.
complete -c onewrite -x -a "(__fish_complete_subcommand - $__fish_onewrite_settings $__fish_onewrite_others)"
set -l options 'not __fish_onewrite_has_command'
complete -c onewrite -n $options -l check -d 'Do not run the command, say whether it can be helped'
complete -c onewrite -n $options -l probe -x -a 'http://localhost:8000/' \
	-d 'Ask the server at this URL whether it would gain'
complete -c onewrite -n $options -l compare -x -a 'http://localhost:8000/' \
	-d 'Start the command without and with the library, and ask it at this URL'
complete -c onewrite -n $options -l picture -r -F -d 'Draw both exchanges into this file'
complete -c onewrite -n $options -l head -d 'Ask it by HEAD'
complete -c onewrite -n $options -l post -r -F -d 'Send it the bytes of this file by POST'
complete -c onewrite -n $options -l show -x -a '(__fish_complete_directories)' \
	-d 'Show what programs have counted in this directory'
complete -c onewrite -n $options -l format -x -a 'table prometheus json' -d 'Show it in this form'
complete -c onewrite -n $options -l output -r -F -d 'Write it into this file'
complete -c onewrite -n $options -l watch -d 'Show it again each second, or as many of them'
complete -c onewrite -n $options -l force -d 'Run it even where the library would not be loaded'
complete -c onewrite -n $options -s h -l help -d 'Print a summary of the options'
complete -c onewrite -n $options -s V -l version -d 'Print the version'
