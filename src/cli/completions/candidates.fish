
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
