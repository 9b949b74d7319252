
# For `git session <TAB>`.
function __git_session_arguments
    set -l words (commandline -opc)
    set -l place (contains -i -- session $words)
    or return
    complete -C (string join ' ' -- git-session (string escape -- $words[(math $place + 1)..-1]) (commandline -ct))
end
complete -c git -n '__fish_seen_subcommand_from session' -f -a '(__git_session_arguments)'
