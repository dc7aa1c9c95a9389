
# What the program itself completes: ports, processes, columns, filters, topics.
_sockscope_live() {
    local answer line word
    local -a whole whole_shown open open_shown
    answer=$("${(Q)words[1]}" __complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null) || return 1
    for line in "${(@f)answer}"; do
        word=${line%%$'\t'*}
        [[ -n $word ]] || continue
        line=${line/$'\t'/  -- }
        if [[ $word == *= ]]; then
            open+=("$word") open_shown+=("$line")
        else
            whole+=("$word") whole_shown+=("$line")
        fi
    done
    (( $#open )) && compadd -l -d open_shown -S '' -a open
    (( $#whole )) && compadd -l -d whole_shown -a whole
    return 0
}

_sockscope() {
    _sockscope_live || _sockscope_fixed "$@"
}

if [ "$funcstack[1]" = "_sockscope" ]; then
    _sockscope "$@"
else
    compdef _sockscope sockscope
fi
