
# For `git session <TAB>`: git's own completion calls this function, by its name.
_git_session() {
    local at=1 index i
    local line
    if [[ -n ${__git_cmd_idx-} ]]; then
        at=$__git_cmd_idx index=$((cword - __git_cmd_idx))
        line=("${words[@]:at+1}")
    else
        while [[ $at -lt $COMP_CWORD && ${COMP_WORDS[at]} != session ]]; do
            at=$((at + 1))
        done
        index=$((COMP_CWORD - at))
        line=("${COMP_WORDS[@]:at+1}")
    fi
    local COMP_WORDS=(git-session "${line[@]}") COMP_CWORD=$index
    _git__session git-session "${COMP_WORDS[index]-}" "${COMP_WORDS[index - 1]}"
    # git has told readline to add no space, so that one is added here.
    for i in "${!COMPREPLY[@]}"; do
        if [[ -d ${COMPREPLY[i]} ]]; then
            COMPREPLY[i]+=/
        elif [[ ${COMPREPLY[i]} != *[=/] ]]; then
            COMPREPLY[i]+=' '
        fi
    done
}
