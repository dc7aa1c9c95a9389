# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sockscope_global_optspecs
    string join \n t/tcp u/udp w/raw 4/ipv4 6/ipv6 a/all n/numeric r/resolve format= json columns= sort= limit= H/no-header color= theme= save= q/quiet v/verbose watch= no-owners collector= strict no-config h/help V/version
end

function __fish_sockscope_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sockscope_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sockscope_using_subcommand
    set -l cmd (__fish_sockscope_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sockscope -n "__fish_sockscope_needs_command" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_needs_command" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_needs_command" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_needs_command" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_needs_command" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_needs_command" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_needs_command" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_needs_command" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_needs_command" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_needs_command" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_needs_command" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_needs_command" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_needs_command" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_needs_command" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_needs_command" -s a -l all -d 'Listening sockets too (conns)'
complete -c sockscope -n "__fish_sockscope_needs_command" -s n -l numeric -d 'Numbers for addresses and ports (the default)'
complete -c sockscope -n "__fish_sockscope_needs_command" -s r -l resolve -d 'Names for addresses and ports, waiting for at most two seconds'
complete -c sockscope -n "__fish_sockscope_needs_command" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_needs_command" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_needs_command" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_needs_command" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_needs_command" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_needs_command" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_needs_command" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_needs_command" -s V -l version -d 'Print version'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "listen" -d 'Who is listening: TCP listeners and bound UDP sockets, with queue and owners'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "port" -d 'One port\'s story: who holds it, since when, its connections, what blocks a bind'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "conns" -d 'Every socket that does not listen, one row each'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "states" -d 'Counts by TCP state, in total or by group'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "buildup" -d 'What piles up in states that should pass: how many, how old, whose, towards whom'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "doctor" -d 'What is wrong: each finding with its evidence, its cause and what to do'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "explain" -d 'A state, a call or a finding explained, with this host\'s live numbers'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "watch" -d 'The full-screen live view: sockets as they appear, change and pile up'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "proc" -d 'Everything one process has open on the network'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "inspect" -d 'Everything about the few sockets that match: timers, memory, path'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "wait" -d 'Wait until a port is listened on, or until nothing holds it'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "diff" -d 'What differs between two saved answers: opened, closed and changed sockets'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "schema" -d 'The JSON Schema of what --json and --format ndjson write'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "completions" -d 'Completion script of a shell, made from the same definitions as this help'
complete -c sockscope -n "__fish_sockscope_needs_command" -f -a "man" -d 'Manual pages, made from the same definitions as this help'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l pids -d 'Print pids only, one a line, of all owners of the sockets that match'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s n -l numeric -d 'Numbers for addresses and ports (the default)'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s r -l resolve -d 'Names for addresses and ports, waiting for at most two seconds'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand listen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l pids -d 'Print pids only, one a line, of whoever holds the port: listeners, bound-only sockets and bound UDP sockets, never its clients; with a filter, of the owners of the sockets it chooses'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s n -l numeric -d 'Numbers for addresses and ports (the default)'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s r -l resolve -d 'Names for addresses and ports, waiting for at most two seconds'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand port" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l pids -d 'Print pids only, one a line, of all owners of the sockets that match'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s a -l all -d 'Listening sockets too (conns)'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s n -l numeric -d 'Numbers for addresses and ports (the default)'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s r -l resolve -d 'Names for addresses and ports, waiting for at most two seconds'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand conns" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l by -d 'Group by this' -r -f -a "process\t'The process that holds the socket'
name\t'The name of that process: all of one name together'
command\t'The command line of that process'
user\t'The user who made it'
port\t'The local port'
peer\t'The peer\'s address'
state\t'The state'
netns\t'The network namespace'
unit\t'The systemd unit of the owner'
container\t'The container of the owner'"
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand states" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l by -d 'Group by this, instead of process and port or peer' -r -f -a "process\t'The process that holds the socket'
name\t'The name of that process: all of one name together'
command\t'The command line of that process'
user\t'The user who made it'
port\t'The local port'
peer\t'The peer\'s address'
state\t'The state'
netns\t'The network namespace'
unit\t'The systemd unit of the owner'
container\t'The container of the owner'"
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l for -d 'Watch for so long first: TIME_WAIT is then known by its process, and growth by its rate' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand buildup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l for -d 'Take two snapshots this far apart, and judge by what stayed and what grew; 0 takes one' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l fail-on -d 'Exit with 1 when a finding is as bad as this' -r -f -a "info\t'Any finding'
warning\t'Warnings and worse'
critical\t'Only what fails now'
never\t'Exit with 0 whatever is found'"
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l only -d 'Only these rules: id,id' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l skip -d 'All rules but these: id,id' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l list -d 'List the rules and their thresholds, without looking'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l interval -d 'Time between looks' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l by -d 'Group by process, port or peer' -r -f -a "process\t'The process that holds the socket'
name\t'The name of that process: all of one name together'
command\t'The command line of that process'
user\t'The user who made it'
port\t'The local port'
peer\t'The peer\'s address'
state\t'The state'
netns\t'The network namespace'
unit\t'The systemd unit of the owner'
container\t'The container of the owner'"
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -s a -l all -d 'Listening sockets too (conns)'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l pids -d 'Print pids only, one a line: those of the named processes that hold a socket which matches'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s n -l numeric -d 'Numbers for addresses and ports (the default)'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s r -l resolve -d 'Names for addresses and ports, waiting for at most two seconds'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand proc" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l save -d 'Save the same report as JSON to this file too, all or nothing; a new file is readable by its owner alone' -r -F
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l watch -d 'Repeat every two seconds, or as often as given (5, 300ms, 2m): a table is redrawn with what changed marked, in a pipe each look is a block, ndjson tells of events' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s n -l numeric -d 'Numbers for addresses and ports (the default)'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s r -l resolve -d 'Names for addresses and ports, waiting for at most two seconds'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l timeout -d 'Give up after this long; 0 looks once [default: wait forever]' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l address -d 'Only a socket that takes what is sent to this address' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l process -d 'Only a socket that this process holds, by pid or name' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l collector -d 'Where the tables are read from' -r -f -a "auto\t'netlink, and procfs for what netlink does not give'
netlink\t'sock_diag: every column, fast'
procfs\t'/proc/net: fewer columns'
netstat2\t'The netstat2 library: addresses, states and owners only'"
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s l -l listening -d 'Wait until a TCP listener or a bound UDP socket holds the port'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l free -d 'Wait until nothing makes a bind() fail as servers do it (with SO_REUSEADDR)'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l no-owners -d 'Do not look for the processes that hold the sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l format -d 'Output format' -r -f -a "table\t'For people'
plain\t'Columns of text for scripts, never cut'
json\t'One JSON object'
ndjson\t'One JSON object a line'
csv\t'Comma-separated values'"
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l columns -d 'Columns of table, plain and csv: a,b,c; or +a,+b to add to the usual ones; "help" lists all. A heading (RECV) or the beginning of a name is enough. JSON, which is always whole, gets them beside its own keys' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l sort -d 'Sort by this column, called as in --columns; -COLUMN for the reverse' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l limit -d 'At most this many rows' -r
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l color -d 'When the table has colours [default: auto, or as configured]' -r -f -a "auto\t'On a terminal'
always\t'In a pipe too'
never\t'Never'"
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l theme -d 'Which colours: for a dark or a light background, for both, or the terminal\'s own [default: auto, or as configured]' -r -f -a "auto\t'Dark or light as COLORFGBG tells, else neutral'
neutral\t'Readable on any background'
dark\t'For a dark background'
light\t'For a light background'
terminal\t'The terminal\'s own green, yellow and red'"
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s t -l tcp -d 'TCP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s u -l udp -d 'UDP sockets'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s w -l raw -d 'Raw sockets (left out unless asked for)'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s 4 -l ipv4 -d 'Only what serves IPv4; dual-stack listeners and v4-mapped connections do'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s 6 -l ipv6 -d 'Only what serves IPv6; dual-stack listeners do'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l json -d 'The same as --format json'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s H -l no-header -d 'No header line'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s q -l quiet -d 'No output, only the exit code'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s v -l verbose -d 'Say on standard error what was done'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l strict -d 'Exit with 3 when a row or an owner may be missing'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -l no-config -d 'Do not read the configuration file'
complete -c sockscope -n "__fish_sockscope_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand schema" -s h -l help -d 'Print help'
complete -c sockscope -n "__fish_sockscope_using_subcommand completions" -l out -d 'Write the scripts of all shells into this directory' -r -f -a "(__fish_complete_directories)"
complete -c sockscope -n "__fish_sockscope_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockscope -n "__fish_sockscope_using_subcommand man" -l out -d 'Write all pages into this directory' -r -f -a "(__fish_complete_directories)"
complete -c sockscope -n "__fish_sockscope_using_subcommand man" -s h -l help -d 'Print help'

# What the program itself completes: ports, processes, columns, filters, topics.
function __sockscope_live
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    # fish completes the value of --option=value on its own.
    $program __complete -- $words (commandline -ct) 2>/dev/null | string replace -r -- '^--[a-z-]+=' ''
end
complete -c sockscope -f -a '(__sockscope_live)'
complete -c sockscope -n '__fish_seen_subcommand_from diff' -F
complete -c sockscope -l columns -x -a '(__sockscope_live)'
complete -c sockscope -l only -x -a '(__sockscope_live)'
complete -c sockscope -l process -x -a '(__sockscope_live)'
complete -c sockscope -l skip -x -a '(__sockscope_live)'
complete -c sockscope -l sort -x -a '(__sockscope_live)'
