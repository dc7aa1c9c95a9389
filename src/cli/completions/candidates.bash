
# What the program itself completes: ports, processes, columns, filters, topics.
_sockscope_live() {
    local -a words=()
    local word current=${COMP_WORDS[COMP_CWORD]} glue= i
    # bash cuts words at '='; the program wants them whole.
    for (( i = 1; i <= COMP_CWORD; i++ )); do
        word=${COMP_WORDS[i]}
        if [[ -n $glue || $word == =* ]] && (( ${#words[@]} > 0 )); then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        glue=
        [[ $word == *= ]] && glue=1
    done
    local whole=${words[${#words[@]}-1]} keep answer line
    keep=${whole%"$current"}
    [[ $current == *= ]] && keep=$whole
    if ! answer=$("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null); then
        _sockscope "${COMP_WORDS[0]}" "$current" "${COMP_WORDS[COMP_CWORD-1]}"
        return
    fi
    compopt +o default +o bashdefault 2>/dev/null
    COMPREPLY=()
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        word=${word#"$keep"}
        [[ -n $word ]] || continue
        # Whatever a process calls itself, it is one word for the shell.
        [[ $word == *[!A-Za-z0-9_.,:=@%/+-]* ]] && printf -v word %q "$word"
        COMPREPLY+=("$word")
        [[ $word == *= ]] && compopt -o nospace 2>/dev/null
    done <<< "$answer"
}

complete -F _sockscope_live -o nosort -o bashdefault -o default sockscope
