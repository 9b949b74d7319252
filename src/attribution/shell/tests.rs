//! Tables of command lines, and what each does.

use proptest::prelude::*;

use super::{Commits, How, commits, parse, written};

fn shown(command: &str) -> Vec<String> {
    let one = |written: super::written::Written| {
        let path = match &written.directory {
            Some(directory) if !written.path.is_empty() => format!("{directory}/{}", written.path),
            _ => written.path,
        };
        match written.how {
            How::Lines { text, is_append } => format!("{path} {} {text:?}", if is_append { ">>" } else { ">" }),
            How::Changed => format!("{path} changed"),
            How::Removed => format!("{path} removed"),
            How::Moved { from } => format!("{from} to {path}"),
            How::Reverted => format!("{path} reverted").trim_start().to_owned(),
            How::Anything => "anything".to_owned(),
        }
    };
    written(&parse(command)).into_iter().map(one).collect()
}

/// Compares all lines of a table, so that one run tells all that differ.
fn assert_table(table: &[(&str, &[&str])]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(command, expected)| (command, expected, shown(command)))
        .filter(|(_, expected, found)| *expected != found)
        .map(|(command, expected, found)| format!("{command}\n    expected {expected:?}\n    found    {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn the_text_that_a_command_writes_is_known() {
    assert_table(&[
        ("cat > f.py <<'X'\nalpha = 17\n$x\nX\ngit add f.py && git commit -qm f", &["f.py > \"alpha = 17\\n$x\\n\""]),
        ("cat > f <<EOF && git add f && git commit -m x\none\nEOF", &["f > \"one\\n\""]),
        ("cat <<EOF > a && cat <<-E >> b\none\nEOF\n\ttwo\n\tE\n", &["a > \"one\\n\"", "b >> \"two\\n\""]),
        ("cat <<A >a; cat <<B >b\n1\nA\n2\nB\nrm c", &["a > \"1\\n\"", "b > \"2\\n\"", "c removed"]),
        ("cat <<\"E O F\" >f\nx\nE O F", &["f > \"x\\n\""]),
        ("cat <<\\EOF >f\n\\$x\nEOF", &["f > \"\\\\$x\\n\""]),
        ("cat <<EOF >f\n\\$x `\\\\\nEOF", &["f > \"$x `\\\\\\n\""]),
        ("cat <<EOF | tee -a log.txt\nx y z\nEOF", &["log.txt >> \"x y z\\n\""]),
        ("cat <<EOF | sudo tee f >/dev/null\nx\nEOF", &["f > \"x\\n\""]),
        ("tee f g <<EOF\nx\nEOF", &["f > \"x\\n\"", "g > \"x\\n\""]),
        ("cat > f <<<'x'", &["f > \"x\""]),
        ("echo 'a b' >> f; printf 'x\\ny\\n' > g", &["f >> \"a b\\n\"", "g > \"x\\ny\\n\""]),
        ("echo -e 'a\\tb' > f", &["f > \"a\\tb\\n\""]),
        ("echo -n a>f", &["f > \"a\""]),
        ("echo a 1>f 2>&1", &["f > \"a\\n\""]),
        ("echo a 2>f", &["f changed"]),
        ("> f echo a", &["f > \"a\\n\""]),
        ("echo $'it\\'s' >f", &["f > \"it's\\n\""]),
        ("echo a | cat > f", &["f > \"a\\n\""]),
        ("echo a &> f", &["f > \"a\\n\""]),
        ("echo a >| f", &["f > \"a\\n\""]),
        ("printf '%s\\n' one two > h", &["h > \"one\\ntwo\\n\""]),
        ("printf '%s=%d%%\\n' a 5 >h", &["h > \"a=5%\\n\""]),
        ("printf '%q' a >h", &["h changed"]),
        ("bash -c 'echo x > f'", &["f > \"x\\n\""]),
        ("bash <<'S'\ncd d\necho x > f\nS\ntouch g", &["d/f > \"x\\n\"", "g changed"]),
        ("if true; then echo x > f; else echo y > g; fi", &["f > \"x\\n\"", "g > \"y\\n\""]),
        ("F=src/a.rs\ncat > \"$F\" <<E\nx\nE", &["src/a.rs > \"x\\n\""]),
        ("mkdir -p d && cd d && cat > f <<E\nx\nE", &["d/f > \"x\\n\""]),
        ("echo \"$HOME\" > f", &["f changed"]),
        ("echo \"a\n$x\" > f", &["f > \"a\\n$x\\n\""]),
        ("> f", &["f > \"\""]),
        (": > f", &["f > \"\""]),
        ("git commit -m \"$(cat <<'EOF'\nit's (a\n\nrm b\nEOF\n)\" && rm c", &["c removed"]),
        ("git commit -m \"$(cat <<'EOF'\nit's\nEOF)\" && rm c", &["c removed"]),
    ]);
}

#[test]
fn the_files_that_a_command_changes_are_known() {
    assert_table(&[
        ("cd src && sed -i s/45/forty-five/ a.py", &["src/a.py changed"]),
        ("sed -i 's/a/b/' 'name with space.txt'", &["name with space.txt changed"]),
        ("sed -i s/a/b/ name\\ with\\ space.txt", &["name with space.txt changed"]),
        ("sed -i.bak -e s/a/b/ -e 's/c/d/' a b", &["a changed", "b changed"]),
        ("sed -i '' 's/a/b/' a", &["a changed"]),
        ("sed -Ei 's/a/b/' a", &["a changed"]),
        ("sed --in-place=.bak s/a/b/ a", &["a changed"]),
        ("sed -n '/x/p' -i a", &["a changed"]),
        ("/usr/bin/sed -i s/a/b/ a", &["a changed"]),
        ("perl -pi -e 's/a/b/' a", &["a changed"]),
        ("perl -i.bak -pe 's/a/b/' a b", &["a changed", "b changed"]),
        ("perl -0pi -e 's/a/b/' a", &["a changed"]),
        ("ruby -pi -e 'x' a", &["a changed"]),
        ("awk -i inplace '{print}' a", &["a changed"]),
        ("ed -s a <<E\nw\nE", &["a changed"]),
        ("seq 100 140 > gen.txt; git add gen.txt", &["gen.txt changed"]),
        ("sort a > b 2> c", &["b changed", "c changed"]),
        ("sort -o a a", &["a changed"]),
        ("{ date; ls; } > f", &["f changed"]),
        ("(cd a && make test) > log", &["log changed"]),
        ("for i in 1 2; do date; done >> f", &["f changed"]),
        ("ls | tee f", &["f changed"]),
        ("cp a b", &["b changed"]),
        ("cp a b c/", &["c/a changed", "c/b changed"]),
        ("cp -r x/a .", &["a changed"]),
        ("cp -t d a", &["d/a changed"]),
        ("install -m 755 a bin/b", &["bin/b changed"]),
        ("ln -s a b", &["b changed"]),
        ("dd if=/dev/zero of=f bs=1 count=2", &["f changed"]),
        ("truncate -s 0 f", &["f changed"]),
        ("touch a b", &["a changed", "b changed"]),
        ("touch -d yesterday a", &["a changed"]),
        ("chmod +x run.sh", &["run.sh changed"]),
        ("mv a.rs b.rs", &["a.rs to b.rs"]),
        ("mv a.rs b", &["a.rs to b/a.rs", "a.rs to b"]),
        ("mv a b d/", &["a to d/a", "b to d/b"]),
        ("git mv a.py src/", &["a.py to src/a.py"]),
        ("git -C sub mv a.py b.py", &["a.py to sub/b.py"]),
        ("git -C sub rm -q x.py", &["sub/x.py removed"]),
        ("git rm --cached x", &[]),
        ("rm -rf a 'b c' -- -d", &["a removed", "b c removed", "-d removed"]),
        ("unlink a", &["a removed"]),
        ("patch a.c < fix.diff", &["a.c changed"]),
        ("patch -p1 <<'E'\n--- a/x.c\n+++ b/x.c\nE", &["x.c changed"]),
        ("git apply <<'E'\n--- a/x.c\n+++ b/x.c\nE", &["x.c changed"]),
        (
            "apply_patch <<'E'\n*** Begin Patch\n*** Update File: a\n*** Delete File: b\n*** End Patch\nE",
            &["a changed", "b removed"],
        ),
        ("git checkout -- f g", &["f reverted", "g reverted"]),
        ("git checkout HEAD~1 -- f", &["f reverted"]),
        ("git checkout .", &[". reverted"]),
        ("git restore f", &["f reverted"]),
        ("git restore --staged f", &[]),
        ("git reset --hard HEAD", &["reverted"]),
        ("git stash", &["reverted"]),
        ("prettier --write a.js", &["a.js changed"]),
        ("npx prettier@3 --write a.js", &["a.js changed"]),
        ("npx --yes prettier -w 'a b.js'", &["a b.js changed"]),
        ("pnpm exec eslint --fix a.ts", &["a.ts changed"]),
        ("node_modules/.bin/eslint --fix a.ts", &["a.ts changed"]),
        ("python3 -m black a.py", &["a.py changed"]),
        ("uv run ruff format a.py", &["a.py changed"]),
        ("ruff check --fix a.py", &["a.py changed"]),
        ("gofmt -w a.go && goimports -w b.go", &["a.go changed", "b.go changed"]),
        ("rustfmt --edition 2024 a.rs", &["a.rs changed"]),
        ("clang-format -i a.c", &["a.c changed"]),
        ("clang-format-18 -i a.c", &["a.c changed"]),
        ("for f in a.rs b.rs; do sed -i s/a/b/ \"$f\"; done", &["a.rs changed", "b.rs changed"]),
        ("sed -i s/a/b/ a \\\n  b", &["a changed", "b changed"]),
    ]);
}

#[test]
fn the_directory_of_a_command_is_known() {
    assert_table(&[
        ("(cd a && touch x); touch y", &["a/x changed", "y changed"]),
        ("cd a; cd b; touch x; cd -; touch y", &["a/b/x changed", "a/y changed"]),
        ("pushd a && touch x && popd && touch y", &["a/x changed", "y changed"]),
        ("cd /tmp/x/ && touch y", &["/tmp/x/y changed"]),
        ("cd \"a b\" || exit 1\ntouch x", &["a b/x changed"]),
        ("cd $d && touch x", &["anything"]),
        ("cd $d && touch /x", &["/x changed"]),
        ("d=a; cd $d && touch x", &["a/x changed"]),
        ("env -C a B=c touch x; touch y", &["a/x changed", "y changed"]),
        ("bash -c 'cd a; touch x'; touch y", &["a/x changed", "y changed"]),
        ("eval 'cd a'; touch x", &["a/x changed"]),
        ("x=$(cd a && pwd); touch y", &["y changed"]),
        ("cd a && { touch x; }; touch y", &["a/x changed", "a/y changed"]),
    ]);
}

#[test]
fn a_command_is_found_behind_others() {
    for command in [
        "sudo env A=b timeout 5 touch x",
        "sudo -u root touch x",
        "time touch x",
        "A=b C='d e' touch x",
        "nohup touch x &",
        "nice -n 5 touch x",
        "timeout -s KILL 5s touch x",
        "command touch x",
        "exec touch x",
        "true && touch x || false",
        "sleep 1 & touch x",
        "ls | wc -l; touch x",
        "if true; then touch x; fi",
        "if ! touch x; then true; fi",
        "while read l; do touch x; done < f",
        "for i in 1 2; do true; done; touch x",
        "case $a in a|b) touch x;; *) ls;; esac",
        "case a in\n  (a)\n    touch x\n    ;;\nesac",
        "y=$(case a in a) touch x;; esac)",
        "f() { touch x; }; f; true",
        "{ case $a in b) touch x;; esac; }",
        "{ function f { touch x; }; }",
        "function f { touch x; }",
        "{ touch x; }",
        "((i++)); touch x",
        "[[ a > b && c < d ]] && touch x",
        "echo $((1 + 2)); touch x",
        "echo \"$(touch x)\"",
        "echo `touch x`",
        "echo \"`touch x`\"",
        "diff <(touch x) b",
        "a=(1 2); touch x",
        "bash -lc 'touch x'",
        "sh -c \"touch x\" name",
        "zsh -ec 'touch x'",
        "bash -c \"bash -c 'touch x'\"",
        "/bin/bash -o pipefail -c 'touch x'",
        "eval touch x",
        "eval \"touch x\"",
        "# it's\ntouch x",
        "ls # it's\ntouch x",
        "touch \\\n x",
        "\"touch\" x",
        "/usr/bin/touch x",
        "touch 'x'",
        "touch ./x",
        "set -e; touch x",
        "touch x;;",
        "touch x\r\n",
        "ls ) ; touch x",
    ] {
        let found = shown(command);
        assert!(found.contains(&"x changed".to_owned()), "{command}: {found:?}");
    }
}

#[test]
fn a_command_that_may_change_any_file_says_so() {
    for command in [
        "make",
        "make fmt",
        "make gen",
        "make -C d gen",
        "npm run build",
        "npm install",
        "npm run lint:fix",
        "yarn add x",
        "npm run format",
        "python gen.py",
        "python3 - <<E\nx\nE",
        "python -c 'x'",
        "node -e 'x'",
        "./script.sh a",
        "bash script.sh",
        "source gen.sh",
        "go generate ./...",
        "go mod tidy",
        "cargo fmt",
        "cargo run",
        "cargo add x",
        "cargo fix",
        "cargo clippy --fix",
        "cargo update",
        "prettier --write .",
        "black src",
        "eslint --fix src/",
        "ruff format",
        "grep -rl foo | xargs sed -i s/foo/bar/",
        "git ls-files -z | xargs -0 -n1 sed -i s/a/b/",
        "ls | xargs -I{} mv {} d/",
        "ls | xargs -I F sh -c 'touch F'",
        "find . -name '*.py' -exec sed -i s/a/b/ {} \\;",
        "find . -exec sh -c 'touch \"$1\"' _ {} +",
        "find . -name x -delete",
        "fd -e rs -x rustfmt",
        "sed -i s/a/b/ *.rs",
        "rm src/*.o",
        "touch $x",
        "touch a.{js,ts}",
        "cat a > $f",
        "git clean -fd",
        "git apply a.patch",
        "patch -p1 < a",
        "unknown-tool",
        "jest -u",
        "curl -o f x",
        "curl x | sh",
        "just",
        "mvn compile",
        "docker compose up",
        "terraform fmt",
        "deno fmt",
        "mix format",
        "gofmt -w .",
        "tar xf a.tar",
    ] {
        let found = shown(command);
        assert!(found.contains(&"anything".to_owned()), "{command}: {found:?}");
    }
}

fn assert_nothing(commands: &[&str]) {
    let wrong: Vec<_> =
        commands.iter().map(|command| (command, shown(command))).filter(|(_, found)| !found.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_reads_writes_nothing() {
    assert_nothing(&[
        "sleep 1; wc -l n.txt",
        "cat a | grep b | head -3",
        "rg foo src",
        "git status && git diff",
        "git add -A",
        "sed -n 1,4p a",
    ]);
}

#[test]
fn what_tests_or_checks_a_crate_writes_nothing() {
    assert_nothing(&[
        "cargo test a.rs",
        "cargo +nightly test",
        "cargo test --test suite x",
        "cargo check",
        "cargo clippy -- -D warnings",
        "cargo build --release",
        "cargo nextest run a",
        "cargo fmt --check",
        "cargo fmt -- --check",
        "cargo fmt --all -- --check",
    ]);
}

#[test]
fn what_tests_or_checks_in_any_language_writes_nothing() {
    assert_nothing(&[
        "npm test",
        "npm t",
        "npm test -- a.test.js",
        "npm run test",
        "npm run test:unit -- a.js",
        "npm run lint",
        "npm run typecheck",
        "npm run type-check",
        "yarn test a",
        "yarn lint",
        "pnpm test",
        "pnpm run lint",
        "pnpm -C d test",
        "bun test a.ts",
        "pytest tests/a.py",
        "pytest -k 'a and b' tests",
        "go vet ./...",
        "go test ./a",
        "go build ./...",
        "python -m pytest a.py",
        "python3 -m unittest a",
        "uv run pytest a.py",
        "poetry run pytest",
        ".venv/bin/pytest a.py",
        "make test",
        "make check",
        "make -C d test",
        "make -j4 test lint",
        "make -n gen",
        "just test",
        "npx tsc --noEmit",
        "tsc --noEmit -p .",
        "npx jest a.test.js",
        "npx vitest run a",
        "black --check a.py",
        "ls -l > /dev/null",
        "ls 2>/dev/null >&2",
        "ls 2>&1",
        "prettier --check a.js",
        "eslint a.js",
        "ruff check a.py",
        "ruff format --check a.py",
        "rustfmt --check a.rs",
        "gofmt -l .",
        "gofmt -d a.go",
        "isort --check a.py",
        "jest a.test.js",
        "mvn test",
        "gradle test",
        "./gradlew test",
        "./mvnw -q verify",
        "shellcheck a.sh",
        "node --version",
    ]);
}

#[test]
fn what_looks_at_files_writes_nothing() {
    assert_nothing(&[
        "python3 --version",
        "make --help",
        "command -v make",
        "which python",
        "",
        "# rm x",
        "echo 'rm x'",
        "echo rm x",
        "find . -name '*.rs'",
        "find . -type f -exec wc -l {} +",
        "ls | xargs wc -l",
        "git ls-files | xargs grep x",
        "diff a b",
        "test -f a && echo yes",
        "[ -f a ] && cat a",
        "[[ a > b ]]",
        "cd src",
        "for f in a b; do cat $f; done",
        "case a in b) ls;; esac",
        "git log --oneline | head",
        "git show HEAD:a",
        "git -C d log",
        "git --no-pager diff",
        "git checkout -b x",
        "git push",
        "git fetch",
        "git stash list",
        "git commit -am x",
        "git branch -d x",
        "git tag v1",
        "git reset HEAD~1",
        "git apply --check a",
        "source .venv/bin/activate",
        ". ~/.nvm/nvm.sh",
        "awk '{print $1 > 2}' a",
        "jq . a.json",
        "docker ps",
        "kubectl get pods",
        "gh pr view 1",
        "export A=b",
        "A=b",
        "perl -c a.pl",
        "cat <<'EOF'\nrm x\nEOF",
        "x=\"rm y\"",
        "grep 'a > b' c",
        "grep -c \"sed -i\" a",
        "true # > f",
        "tee /dev/null",
        "dd if=a of=/dev/null",
        "python -m json.tool a",
        "time cargo test",
        "timeout 60 cargo test a.rs | tail -5",
        "cargo test a.rs 2>&1 | grep -E 'x|y'",
        "bash -n a.sh",
    ]);
}

#[test]
fn a_command_that_makes_a_commit_is_known() {
    let table = [
        (
            Commits::Directly,
            &[
                "git commit -m x",
                "cd a && git add . && git -c a=b -C d commit",
                "sh -c 'git commit -qm x'",
                "git commit --amend --no-edit",
                "GIT_EDITOR=true git rebase --continue",
                "git merge x",
                "git cherry-pick x",
                "git revert x",
                "git am < x",
                "git pull",
                "git ci",
                "git cm x",
                "/usr/bin/git commit",
                "git --no-pager commit",
                "git --git-dir=a --work-tree b commit",
                "sudo -u x git commit",
                "git commit -m \"$(cat <<'EOF'\nx\nEOF\n)\"",
                "cat > f <<EOF && git add f && git commit -m x\nx\nEOF",
                "jj commit -m x",
                "jj describe -m x",
                "jj squash",
                "npm version patch",
                "cz commit",
                "xargs git commit -m",
                "if true; then git commit; fi",
                "echo $(git commit)",
                "git commit -m 'git commit --dry-run'",
            ][..],
        ),
        (
            Commits::Maybe,
            &[
                "make release",
                "make",
                "./release.sh",
                "npm run x",
                "just",
                "unknown",
                "git unknown-alias",
                "python a.py",
                "bash a.sh",
                "cargo run",
            ][..],
        ),
        (
            Commits::No,
            &[
                "",
                "git commit --dry-run",
                "git rebase --abort",
                "git log --grep commit",
                "echo git commit",
                "grep -r 'git commit' .",
                "cargo test",
                "git commit-tree x",
                "git stash",
                "git commit --help",
                "gh pr merge 1",
                "git merge --no-commit x",
                "git cherry-pick -n x",
                "git status",
                "git show --stat",
                "sed -i s/a/b/ c",
                "cp a b",
                "rm a",
                "cat > f <<'E'\ngit commit\nE",
                "# git commit",
                "prettier --write a.js",
                "jj log",
                "git help commit",
                "man git-commit",
                "rg 'git commit'",
                "git notes add",
                "git push",
                "make test",
                "touch git commit",
                "jj st",
            ][..],
        ),
    ];
    let found = table.iter().flat_map(|(expected, commands)| {
        commands.iter().map(move |command| (command, *expected, commits(&parse(command))))
    });
    let wrong: Vec<_> = found.filter(|(_, expected, found)| expected != found).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Pieces of which many in a row once made a reader slow, or overflowed its stack.
const NASTY: &[&str] = &[
    "$(",
    "$( ",
    "`",
    "\\`",
    "((",
    "(",
    ")",
    "{ ",
    "<<E\n",
    "cat <<E ",
    "'",
    "\"",
    "\\",
    "a $(b ",
    "\"$(",
    "bash -c \"",
    "eval '",
    "eval ",
    "cd a;",
    "cd /;",
    "pushd a;",
    "&&",
    "$'",
    "${",
    "$((",
    "<(",
    "a=(",
    "xargs ",
    "sudo ",
    "find -exec ",
    "find . -exec a ; ",
    "env ",
    "a=$a$a;",
    "a=x$a;",
    "for i in a b; do ",
    "case a in ",
    "esac ",
    "[[ ",
    "if ",
    "f() ",
    "echo a | cat | ",
    "cat | ",
    "> f ",
    "2>",
    ">&",
    "\u{e4}",
    "\u{1F600}'",
    "$\u{e4}",
    "printf '%s' ",
    "powershell -Command \"Get-Item C:\\a\"; ",
    "git -C a ",
    "\r\n",
    "\0",
    "-i ",
    "sed -i ",
    "{a,",
    "*",
    "<<<",
    "<<-'",
    "#",
];

#[test]
fn a_long_line_of_nonsense_is_read() {
    for piece in NASTY {
        let read = |bytes: usize| {
            let script = parse(&piece.repeat(bytes / piece.len()));
            let _ = (written(&script), commits(&script));
            script.commands.iter().map(|command| command.words.len() + command.redirects.len() + 1).sum::<usize>()
        };
        let (once, twice) = (read(16 << 10), read(32 << 10));
        assert!(twice <= 2 * once + 4096, "{piece}: {once} words, then {twice}");
    }
}

#[test]
fn variables_and_directories_do_not_multiply_a_script() {
    for piece in
        ["a=x$a$a;", "cd abcdefgh;", "for i in 1 2 3 4 5 6 7 8; do echo $i$i > $i; ", "a=$(b $a);", "echo $a$a$a > b;"]
    {
        let text = format!("a={};{}", "y".repeat(1000), piece.repeat(10_000));
        let script = parse(&text);
        let words = |command: &super::command::Command| command.words.iter().map(|word| word.text.len()).sum::<usize>();
        let length: usize = script.commands.iter().map(words).sum();
        assert!(length < text.len() + (1 << 20), "{piece}: {length}");
        assert!(script.commands.len() < text.len(), "{piece}");
    }
}

#[test]
fn what_is_too_deep_or_too_long_may_do_anything() {
    for text in ["$(".repeat(100), format!("# {}", "x".repeat(1 << 20)), "sudo ".repeat(1000) + "git commit"] {
        assert_eq!(shown(&text).last().map(String::as_str), Some("anything"));
        assert_eq!(commits(&parse(&text)), Commits::Maybe);
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(pieces in proptest::collection::vec(
        prop_oneof![proptest::sample::select(NASTY).prop_map(str::to_owned), "\\PC{0,6}"], 0..40)) {
        let script = parse(&pieces.concat());
        let _ = (written(&script), commits(&script));
    }
}
