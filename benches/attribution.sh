#!/usr/bin/env bash
# What `git session link` answers for the commits of a repository, as JSON, and how long that takes.
#   benches/attribution.sh REPOSITORY HOME [COMMIT…]
# HOME is the home directory with the agents' logs. Without commits: every commit since the first session began.
set -eu
repository=$1 home=$2
shift 2
program=$(cd "$(dirname "$0")/.." && pwd)/target/release/git-session
time HOME=$home GIT_CONFIG_NOSYSTEM=1 "$program" -C "$repository" link --dry-run --json "$@"
