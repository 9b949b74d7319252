# shellcheck shell=bash
# What is looked at after a kill, and after the command was given again. Sourced by `run`.

: "${world:?}" "${root:?}"

# What `run` sets for every scenario and kill point, and what it reads afterwards.
point='no kill' is_broken=false command=() recovery=repeat
before='' between='' ledgers='' index='' clean=''

broken_because() {
    $is_broken || printf 'BROKEN at %s\n' "$point"
    is_broken=true
    printf '%s\n' "$@" | head -n 12 | sed 's/^/    /'
}

# The references of the ledgers, in every repository, with their values.
ours() {
    local folder
    for folder in work remote.git; do
        in_world "$folder" git for-each-ref --format="$folder %(refname) %(objectname)" 'refs/opensession*' refs/notes/opensession
    done
}

# Everything else that a command must leave alone.
others() {
    local folder
    for folder in work remote.git; do
        echo "$folder"
        # A commit that names no session, as one whose hook died, has the same tree and parent.
        in_world "$folder" git for-each-ref --format='%(refname) %(tree) %(parent)' | grep -v -e '^refs/opensession' -e '^refs/notes/opensession' || true
        cat "$world/$folder/HEAD" "$world/$folder/.git/HEAD" 2>/dev/null || true
        cat "$world/$folder/config" "$world/$folder/.git/config" 2>/dev/null || true
    done
    in_world work env GIT_OPTIONAL_LOCKS=0 git status --porcelain
    in_world work git ls-files --stage
}

index_sum() { sha256sum "$world/work/.git/index" 2>/dev/null || true; }

# The tips that the traced run wrote on its way: each of them is a whole ledger.
written_tips() {
    sed -n 's/.*write([0-9]*<[^>]*\/refs\/\(notes\/\)\{0,1\}opensession[^>]*>, "\([0-9a-f]\{40,64\}\)\(\\n\)\{0,1\}".*/tip \2/p' "$root/clean-trace"
}

# What has to be the same in the end as it is without a kill: the sessions as they were said, their
# links, the commits, the hooks.
outcome() {
    local folder name
    for folder in work remote.git; do
        in_world "$folder" git for-each-ref --format='%(refname)' | while read -r name; do
            echo "$folder $name"
            case $name in
                refs/opensession* | refs/notes/opensession)
                    # Metadata and index entries also tell how something came to be known.
                    in_world "$folder" git ls-tree -r "$name" | sed -e '/\.hail\.jsonl$/!s/ [0-9a-f]\{40,64\}\t/ \t/'
                    ;;
                *) in_world "$folder" git log -1 --format='%T %B' "$name" -- ;;
            esac
        done
    done
    in_world work git-session log --all --json 2>/dev/null
    in_world work git-session hooks status --json 2>&1
    in_world work git status --porcelain
    in_world work git ls-files --stage
}

check_fsck() {
    local folder said
    for folder in work remote.git; do
        said=$(in_world "$folder" git fsck --strict --no-dangling --no-progress 2>&1) || broken_because "git fsck in $folder fails" "$said"
        [ -z "$said" ] || broken_because "git fsck in $folder complains" "$said"
    done
}

# Right after the kill.
check_remains() {
    local said line now
    check_fsck
    said=$(in_world work git-session log --all 2>&1) || broken_because 'git session log fails' "$said"
    now=$(ours)
    while read -r line; do
        case $'\n'$ledgers$'\n' in
            *$'\n'"$line"$'\n'* | *"tip ${line##* }"$'\n'*) ;;
            *) broken_because "a ledger is neither old nor new: $line" ;;
        esac
    done <<<"$now"
    now=$(others)
    [ "$now" = "$before" ] || [ "$now" = "$between" ] || broken_because 'more than the ledgers changed' "$(diff <(echo "$before") <(echo "$now") || true)"
    case ${command[0]} in
        git-session) [ "$(index_sum)" = "$index" ] || broken_because 'the index was touched' ;;
    esac
}

# again COMMAND…: what a person does after a crash: give the command again; where a lock is in the way
# and the error names it, remove that lock.
again() {
    local said lock tries=0
    while ! said=$(in_world work "$@" 2>&1) || grep -q '^git session: ' <<<"$said"; do
        tries=$((tries + 1))
        lock=$(grep -o "$world/[^ ':]*\.lock" <<<"$said" | head -n 1) || true
        if [ "$tries" -gt 3 ] || [ -z "$lock" ] || [ ! -e "$lock" ]; then
            broken_because "the command fails for good: $*" "$said"
            return 0
        fi
        locks=$((locks + 1))
        rm "$lock"
    done
}

# Gives the command again, and what usually comes next.
finish() {
    case $recovery in
        repeat) again "${command[@]}" ;;
        push)
            # A hook that dies does not stop the push; what it left undone is for the next one, or for sync.
            again git push --quiet origin main
            again git-session sync
            ;;
        commit)
            if [ -n "$(in_world work git diff --cached --name-only)" ]; then again "${command[@]}"; fi
            if ! in_world work git log -1 --format=%B | grep -q '^AI-Session:'; then
                # A hook that dies does not stop the commit, which then names no session.
                again git commit --quiet --amend --no-edit
            fi
            settle
            again git push --quiet --force origin main
            again git-session sync
            ;;
    esac
    settle
}

check_outcome() {
    local now
    check_fsck
    now=$(outcome)
    [ "$now" = "$clean" ] || broken_because 'the end is another than without the kill' "$(diff <(echo "$clean") <(echo "$now") || true)"
    if [ -n "$(find "$world/work/.git" "$world/remote.git" \( -name '.tmp*' -o -name 'tmp_*' -o -name 'tmp[0-9a-zA-Z]*' \) -print -quit)" ]; then
        litter=$((litter + 1))
    fi
    # Of a ledger that is gone, only the lock may be left: whoever writes that ledger again is told of it.
    find "$world/work/.git/refs" -path '*/refs/opensession*' -name '*.lock' | while read -r now; do [ ! -e "${now%.lock}" ] || echo "$now"; done >"$root/locks"
    find "$world/work/.git" -name '*.lock' ! -path '*/.git/opensession/*' ! -path '*/refs/opensession*' >>"$root/locks"
    [ -z "$(find "$world/work/.git/refs" -path '*/refs/opensession*' -name '*.lock' -print -quit)" ] || orphans=$((orphans + 1))
    now=$(cat "$root/locks")
    [ -z "$now" ] || broken_because 'a lock stays behind unnoticed' "$now"
}
