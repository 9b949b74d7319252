#!/bin/sh
# What the hooks cost a commit and a push, against hooks of two lines that run `true`. Prints a Markdown table of
# medians. Needs hyperfine and the release build. RUNS (default 5) and ROUNDS (default 20) say how often; of the
# rounds the best median counts, because other work on the machine only ever adds.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
program=${GIT_SESSION:-$root/target/release/git-session}
runs=${RUNS:-5}
rounds=${ROUNDS:-20}

folder=$(mktemp -d)
folder=$(cd "$folder" && pwd -P)
trap 'rm -rf "$folder"' EXIT
PATH=$(dirname "$program"):$PATH
export GIT_CONFIG_NOSYSTEM=1 LC_ALL=C TZ=UTC PATH
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CLAUDE_CONFIG_DIR CODEX_HOME XDG_CONFIG_HOME

# Makes a home and in it a repository with a remote and one commit, pushed.
repository() {
    HOME=$folder/$1
    export HOME
    mkdir "$HOME"
    printf '[user]\nname = A. Developer\nemail = developer@example.org\n[maintenance]\nauto = false\n[init]\ndefaultBranch = main\n' \
        >"$HOME/.gitconfig"
    git init --quiet --bare "$HOME/remote.git"
    git init --quiet "$HOME/work"
    cd "$HOME/work"
    rm -f .git/hooks/*
    git remote add origin ../remote.git
    git commit --quiet --allow-empty --message Begin
    git push --quiet --set-upstream origin main
    echo 'Say what it is' >.git/MESSAGE
}

# Installs hooks of two lines that run `true`.
two_lines() {
    for hook in prepare-commit-msg commit-msg post-commit pre-push; do
        printf '#!/bin/sh\ntrue\n' >".git/hooks/$hook"
        chmod +x ".git/hooks/$hook"
    done
}

# Lays out recent logs: of Claude Code in this repository, and of Codex elsewhere.
logs() {
    here=.claude/projects/$(pwd | sed 's/[^A-Za-z0-9]/-/g') elsewhere=.codex/sessions/2026/01/05
    mkdir -p "$HOME/$here" "$HOME/$elsewhere"
    for number in $(seq "$1"); do
        id=$(printf '%08x' "$number")
        sed "s|/home/ann/shop|$PWD|g; s|0a000000-|$id-|g" "$root/fixtures/agents/claude-code/tools.jsonl" \
            >"$HOME/$here/$id-0000-4000-8000-000000000002.jsonl"
    done
    for number in $(seq "$2"); do
        id=$(printf '%08x-0000-4000-8000-000000000003' "$number")
        sed "s|00000000-0000-4000-8000-000000000003|$id|g" "$root/fixtures/agents/codex/exec-0.140.jsonl" \
            >"$HOME/$elsewhere/rollout-2026-01-05T08-59-58-$id.jsonl"
    done
}

# Stores sessions in the ledger of the branch.
stored() {
    awk -v count="$1" -v reference="refs/opensession/branches/$(printf main | base64 | tr -d =)" 'BEGIN {
        print "blob\nmark :1\ndata 3\n{}\n\ncommit " reference "\ncommitter A. Developer <developer@example.org> 0 +0000"
        print "data 8\nsession\n"
        for (i = 1; i <= count; i++) {
            id = sprintf("%08x-0000-4000-8000-%012x", (i * 2654435761) % 4294967296, i)
            path = "v1/" substr(id, 1, 2) "/" id
            print "M 100644 :1 " path ".hail.jsonl\nM 100644 :1 " path ".meta.json"
        }
    }' | git fast-import --quiet
}

measured=$folder/medians.csv

# Measures the commands on standard input, `<name> TAB <home> TAB <command>` each, in their repositories.
measure() {
    table=$folder/commands
    cat >"$table"
    set -- --shell=none --warmup 1 --runs "$runs" --style none --export-csv "$folder/round.csv" "$@"
    while IFS="$(printf '\t')" read -r name home command; do
        set -- "$@" --command-name "$name" "env --chdir=$folder/$home/work HOME=$folder/$home $command"
    done <"$table"
    for _ in $(seq "$rounds"); do
        hyperfine "$@" >/dev/null 2>"$folder/complaints" || { cat "$folder/complaints" >&2 && exit 1; }
        tail -n +2 "$folder/round.csv" >>"$measured"
    done
}

# Prints the best medians; the first command is what the others are compared with. Processor time is what a busy
# machine distorts least.
print_table() {
    printf '\n| %s | median | difference | ratio | processor time |\n|---|---:|---:|---:|---:|\n' "$1"
    awk -F, '
        !($1 in best) { order[++count] = $1; best[$1] = $4; spent[$1] = $5 + $6 }
        $4 < best[$1] { best[$1] = $4 }
        $5 + $6 < spent[$1] { spent[$1] = $5 + $6 }
        END {
            base = best[order[1]]
            for (i = 1; i <= count; i++) {
                name = order[i]
                this = best[name]
                printf "| %s | %.1f ms | %+.1f ms | %.2f | %.1f ms |\n", \
                    name, this * 1000, (this - base) * 1000, this / base, spent[name] * 1000
            }
        }' "$measured"
    rm "$measured"
}

repository none
repository plain && two_lines
for home in ours logs-1 logs-1000 stored-1 stored-10000; do
    repository "$home"
    case $home in
        logs-1) logs 1 0 ;;
        logs-1000) logs 500 500 ;;
        stored-1) stored 1 ;;
        stored-10000) stored 10000 ;;
    esac
    git session hooks install >/dev/null 2>&1
    git commit --quiet --allow-empty --message 'The first look'
    git push --quiet
done
cd "$root"

measure <<END
git --version	none	git --version
git-session --version	none	$program --version
END
print_table 'start'

hook='.git/hooks/prepare-commit-msg .git/MESSAGE message'
measure <<END
two lines	plain	$hook
ours	ours	$hook
ours and 1 log	logs-1	$hook
ours and 1000 logs	logs-1000	$hook
END
print_table 'prepare-commit-msg alone'

commit='git commit --quiet --allow-empty --message Nothing'
measure <<END
hooks of two lines	plain	$commit
no hooks	none	$commit
ours	ours	$commit
ours and 1 recent log	logs-1	$commit
ours and 1000 recent logs	logs-1000	$commit
ours and 1 stored session	stored-1	$commit
ours and 10000 stored sessions	stored-10000	$commit
END
print_table 'git commit --allow-empty'

push='git push --quiet'
measure <<END
hooks of two lines	plain	$push
ours	ours	$push
ours and 10000 stored sessions	stored-10000	$push
END
print_table 'git push, up to date'

bare='git -c core.hooksPath=/dev/null commit --quiet --allow-empty --message Nothing'
for home in plain ours stored-10000; do
    echo "$home	$home	$push" | measure --prepare "env --chdir=$folder/$home/work HOME=$folder/$home $bare"
done
print_table 'git push of a commit, nothing new for the ledger'
