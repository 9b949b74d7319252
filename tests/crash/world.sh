# shellcheck shell=bash
# The states of a repository from which commands are started and killed. Sourced by `run`.
#
# Every state is a folder below $states. To use one, it is copied to $world, always the same path, so
# that absolute paths in logs and configurations hold.

: "${world:?}" "${states:?}" "${program:?}"

readonly moment='2026-02-01T12:00:00Z'

# Runs a command in the world's environment: nothing of the caller's but PATH.
in_world() {
    local folder=$1
    shift
    (
        cd "$world/$folder" &&
            exec env -i HOME="$world/home" PATH="$world/bin:$PATH" TZ=UTC LC_ALL=C GIT_CONFIG_NOSYSTEM=1 \
                GIT_AUTHOR_DATE="$moment" GIT_COMMITTER_DATE="$moment" GIT_SESSION_NOW="$moment" \
                CRASH_AT="${crash_at-}" CRASH_TRACE="${crash_trace-}" "$@"
    )
}

# Like in_world, but quiet, and a failure ends everything.
must() {
    local said
    said=$(in_world "$@" 2>&1) || {
        printf 'the world cannot be made: %s\n%s\n' "$*" "$said" >&2
        exit 2
    }
}

id_of() { printf '%08d-2222-4333-8444-555555555555' "$1"; }

# log FOLDER NUMBER ANSWERS [FILE]: writes the log of a Claude Code session that worked in FOLDER,
# with a written FILE when given.
log() {
    local cwd=$world/$1 number=$2 answers=$3 file=${4-} id encoded target line=0
    id=$(id_of "$number")
    encoded=${cwd//[^[:alnum:]]/-}
    target=$world/home/.claude/projects/$encoded/$id.jsonl
    mkdir -p "${target%/*}"
    record() {
        local parent=null
        [ "$line" -eq 0 ] || parent="\"$id-$((line - 1))\""
        printf '{%s,"parentUuid":%s,"uuid":"%s-%d","sessionId":"%s","version":"2.1.42","cwd":"%s","gitBranch":"main","isSidechain":false,"userType":"external","timestamp":"2026-01-31T10:00:%02dZ"}\n' \
            "$1" "$parent" "$id" "$line" "$id" "$cwd" "$line"
        line=$((line + 1))
    }
    assistant() {
        record "\"type\":\"assistant\",\"requestId\":\"req_$line\",\"message\":{\"id\":\"msg_$line\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-6\",\"content\":[$1],\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}"
    }
    {
        record '"type":"user","message":{"role":"user","content":"Do the work."}'
        if [ -n "$file" ]; then
            printf 'content of %s\n' "$file" >"$cwd/$file"
            assistant "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"Write\",\"input\":{\"file_path\":\"$cwd/$file\",\"content\":\"content of $file\\n\"}}"
            record "\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_1\",\"content\":\"File created successfully\"}]},\"toolUseResult\":{\"type\":\"create\",\"filePath\":\"$cwd/$file\",\"content\":\"content of $file\\n\",\"structuredPatch\":[],\"originalFile\":null}"
        fi
        while [ "$answers" -gt 0 ]; do
            assistant "{\"type\":\"text\",\"text\":\"Answer $line.\"}"
            answers=$((answers - 1))
        done
    } >"$target"
}

# Waits for what still works in the world: the capture that a commit starts in the background.
settle() {
    local tries=0
    while grep -q "^$world/" < <(readlink /proc/[0-9]*/cwd 2>/dev/null) && [ "$tries" -lt 500 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
}

save() { cp -a "$world" "$states/$1"; }

restore() {
    rm -rf "$world"
    cp -a "$states/$1" "$world"
}

# A program in front of the program: it traces, and kills, only the call that is meant.
wrapper() {
    printf '#!/bin/sh\n'
    # shellcheck disable=SC2016 # the wrapper expands these
    printf 'if [ "${1-} ${2-}" = "$CRASH_AT" ]; then exec $CRASH_TRACE "%s" "$@"; fi\nexec "%s" "$@"\n' "$program" "$program"
}

clone() {
    must . git clone --quiet remote.git "$1"
    must "$1" git-session hooks install
    # The hooks run the wrapper, too.
    sed -i "s|^program=.*|program='$world/bin/git-session'|" "$world/$1/.git/hooks"/*
}

# Makes every state, each from the one before.
make_states() {
    mkdir -p "$world/home" "$world/bin"
    wrapper >"$world/bin/git-session"
    chmod +x "$world/bin/git-session"
    printf '[user]\n\tname = A. Developer\n\temail = developer@example.org\n[init]\n\tdefaultBranch = main\n\ttemplateDir =\n' >"$world/home/.gitconfig"
    must . git init --quiet --bare remote.git
    clone first
    must first git commit --quiet --allow-empty --message Begin
    must first git push --quiet origin main
    clone work
    clone other
    log work 1 2
    save fresh

    must work git-session capture
    log work 1 4
    save grown
    must work git-session capture
    log work 2 1
    save second
    must work git pack-refs --all
    save packed

    make_notes_states
    make_commit_states
    make_sync_states
    make_cleanup_states
    make_install_states
}

make_notes_states() {
    restore fresh
    must work git config opensession.fanout-mode git_notes
    save fresh-notes
    must other git config opensession.fanout-mode git_notes
    log other 3 1
    must other git-session capture
    must other git-session sync
    must work git-session capture
    save unpushed-notes
}

make_commit_states() {
    restore fresh
    log work 1 2 one.txt
    must work git add one.txt
    save staged
    # The capture has to wait for the lock, which leaves the commit with a full queue.
    mkdir -p "$world/work/.git/opensession"
    exec 8>"$world/work/.git/opensession/capture.lock"
    flock 8
    must work git commit --quiet --message One
    save queued
    exec 8>&-
    settle
    save committed
}

make_sync_states() {
    restore second
    must work git-session capture
    must work git-session sync
    log other 3 1
    must other git-session capture
    must other git-session sync
    log work 4 1
    must work git-session capture
    log other 5 1
    must other git-session capture
    save diverged-here
    must other git-session sync
    save diverged
    log work 6 1 six.txt
    must work git add six.txt
    must work git commit --quiet --message Six
    settle
    save unpushed
}

make_cleanup_states() {
    restore fresh
    must work git switch --quiet --create topic
    must work git-session capture
    must work git push --quiet origin topic
    must work git-session sync
    must work git switch --quiet main
    must work git branch --quiet --delete --force topic
    must work git push --quiet origin :topic
    save orphaned
    must work git pack-refs --all
    must remote.git git pack-refs --all
    save orphaned-packed
}

make_install_states() {
    restore fresh
    rm -f "$world/work/.git/hooks"/*
    printf '#!/bin/sh\necho mine >&2\n' >"$world/work/.git/hooks/pre-push"
    chmod +x "$world/work/.git/hooks/pre-push"
    save foreign-hooks
    must work git-session hooks install
    save own-hooks
}
