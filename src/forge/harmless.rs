//! Text that no host obeys: it mentions no account, links and closes no issue, skips and starts no build, and is no
//! trailer. What is changed is seen: `(at)ann`, `(#)34`, `(skip "ci")`. Signs that are not seen would be shorter,
//! and are taken out by the next program.

/// Verbs, without their endings, with which a commit message closes or links an issue on GitHub, GitLab, Gitea,
/// Bitbucket, Azure DevOps, Linear, Phabricator and Trac.
const VERBS: [&str; 13] = [
    "clos",
    "fix",
    "resolv",
    "implement",
    "complet",
    "reopen",
    "address",
    "finish",
    "deliver",
    "ref",
    "invalidat",
    "hold",
    "wontfix",
];
/// Their endings.
const ENDINGS: [&str; 7] = ["", "s", "e", "es", "d", "ed", "ing"];

/// Words that say which build, or whose, is not to run.
const BUILDS: [&str; 29] = [
    "action",
    "actions",
    "appveyor",
    "azp",
    "azurepipelines",
    "bitrise",
    "build",
    "builds",
    "buildkite",
    "cd",
    "check",
    "checks",
    "ci",
    "circle",
    "circleci",
    "codemagic",
    "deploy",
    "drone",
    "gitlab",
    "jenkins",
    "netlify",
    "pages",
    "pipeline",
    "pipelines",
    "render",
    "semaphore",
    "travis",
    "vercel",
    "workflow",
];

/// A line without what a commit message or a comment on a host can refer to: people, issues, merge requests,
/// addresses, and quick actions on them.
#[must_use]
pub fn without_references(line: &str) -> String {
    let text: Vec<char> = line.chars().collect();
    let has_verb = words(&text).any(|(start, end)| is_verb(&text[start..end]));
    let mut result = String::with_capacity(line.len() + 16);
    let mut position = 0;
    while position < text.len() {
        let here = &text[position..];
        let before = position.checked_sub(1).map(|before| text[before]);
        let next = here.get(1).copied().unwrap_or(' ');
        match here[0] {
            '@' if !next.is_whitespace() => result.push_str("(at)"),
            '#' if is_word(next) || next == '-' => result.push_str("(#)"),
            sign @ ('!' | '&' | '%' | '$' | '^') if next.is_ascii_digit() || next == '"' => {
                parenthesise(&mut result, sign);
            }
            '~' if next.is_alphanumeric() || next == '"' => parenthesise(&mut result, '~'),
            '/' if before.is_none_or(char::is_whitespace) && is_quick_action(here) => parenthesise(&mut result, '/'),
            ':' if here.starts_with(&[':', '/', '/']) => {
                result.push_str(":(//)");
                position += 2;
            }
            '.' if next.is_alphanumeric() && ends_with(&text[..position], "www") => result.push_str("(.)"),
            '-' if is_key(&text, position, has_verb) => result.push(' '),
            // Phabricator's tasks and revisions, and what Trac calls its tickets.
            digit if digit.is_ascii_digit() && has_verb && is_ticket(&text, position) => {
                let end = position + here.iter().take_while(|digit| digit.is_ascii_digit()).count();
                result.push('(');
                result.extend(&text[position..end]);
                result.push(')');
                position = end - 1;
            }
            other => result.push(other),
        }
        position += 1;
    }
    result
}

/// The line of [`without_references`], and without what a program that reads commit messages obeys: words for CI
/// and for releases, and keys of trailers. Placeholders of redaction stay.
#[must_use]
pub fn without_commands(line: &str) -> String {
    let text: Vec<char> = without_references(line).chars().collect();
    let mut result = String::with_capacity(text.len() + 16);
    let mut position = 0;
    while position < text.len() {
        let here = &text[position..];
        let length = match here[0] {
            '[' => placeholder(here).unwrap_or(0),
            '*' => Some(here.iter().take_while(|star| **star == '*').count()).filter(|count| *count > 2).unwrap_or(0),
            _ => 0,
        };
        if length > 0 {
            result.extend(here[..length].iter().filter(|character| here[0] == '[' || **character != '*'));
            position += length;
            continue;
        }
        match here[0] {
            '[' => result.push('('),
            ']' => result.push(')'),
            '+' if starts_with(&here[1..], "semver") => parenthesise(&mut result, '+'),
            ':' if is_key_of_trailer(&text, position) => {}
            other => result.push(other),
        }
        position += 1;
    }
    quote_pairs(&result)
}

fn parenthesise(result: &mut String, sign: char) {
    result.extend(['(', sign, ')']);
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Where the words are.
fn words(text: &[char]) -> impl Iterator<Item = (usize, usize)> {
    let mut position = 0;
    std::iter::from_fn(move || {
        position += text[position..].iter().take_while(|character| !character.is_alphanumeric()).count();
        let start = position;
        position += text[position..].iter().take_while(|character| character.is_alphanumeric()).count();
        (start < position).then_some((start, position))
    })
}

fn is_verb(word: &[char]) -> bool {
    let ends = |rest: &[char]| ENDINGS.iter().any(|ending| rest.len() == ending.len() && starts_with(rest, ending));
    VERBS.iter().any(|verb| starts_with(word, verb) && ends(&word[verb.len()..]))
}

fn starts_with(text: &[char], word: &str) -> bool {
    let mut characters = text.iter();
    word.chars().all(|expected| characters.next().is_some_and(|character| character.eq_ignore_ascii_case(&expected)))
}

fn ends_with(text: &[char], word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    start.is_some_and(|start| {
        starts_with(&text[start..], word) && start.checked_sub(1).is_none_or(|before| !is_word(text[before]))
    })
}

/// Whether `/word` stands alone, as in `/label ~bug`; a path goes on.
fn is_quick_action(text: &[char]) -> bool {
    let word = text[1..].iter().take_while(|character| character.is_ascii_alphabetic() || **character == '_').count();
    word > 0 && text.get(1 + word).is_none_or(|after| after.is_whitespace())
}

/// Whether the dash at `position` joins the two parts of an issue's key, such as `PROJ-12` or `GH-12`; after a verb
/// some trackers take small letters, too.
fn is_key(text: &[char], position: usize, has_verb: bool) -> bool {
    let start = position - text[..position].iter().rev().take_while(|character| is_word(**character)).count();
    let project = &text[start..position];
    let digits = text[position + 1..].iter().take_while(|digit| digit.is_ascii_digit()).count();
    let ends = text.get(position + 1 + digits).is_none_or(|after| !is_word(*after));
    let is_upper = !project.iter().any(char::is_ascii_lowercase);
    let is_forge = project.len() == 2 && (starts_with(project, "gh") || starts_with(project, "gl"));
    digits > 0 && ends && project.len() > 1 && project[0].is_ascii_alphabetic() && (is_upper || is_forge || has_verb)
}

/// Whether the number at `position` is that of `T12`, `D12`, `bug 12`, `issue:12` or `ticket 12`.
fn is_ticket(text: &[char], position: usize) -> bool {
    let before = &text[..position];
    if ["t", "d"].iter().any(|letter| ends_with(before, letter)) {
        return true;
    }
    let Some((last, rest)) = before.split_last() else { return false };
    matches!(last, ' ' | ':') && ["issue", "issues", "bug", "ticket"].iter().any(|word| ends_with(rest, word))
}

/// The length of the placeholder of redaction that `text` begins with.
fn placeholder(text: &[char]) -> Option<usize> {
    const START: &str = "[REDACTED:";
    let is_placeholder = starts_with(text, START);
    let end = text
        .iter()
        .skip(START.len())
        .position(|character| !is_word(*character) && !matches!(character, ':' | '-' | '.'))?;
    (is_placeholder && text[START.len() + end] == ']').then_some(START.len() + end + 1)
}

/// Whether the colon at `position` ends a key such as `Signed-off-by` or `Change-Id`.
fn is_key_of_trailer(text: &[char], position: usize) -> bool {
    let is_of_key = |character: &&char| character.is_ascii_alphanumeric() || **character == '-';
    let length = text[..position].iter().rev().take_while(is_of_key).count();
    let key = &text[position - length..position];
    key.contains(&'-')
        && key[0].is_ascii_alphabetic()
        && text.get(position + 1).is_none_or(|after| after.is_whitespace())
}

/// Puts the second word of `skip ci`, `no-ci`, `BREAKING CHANGE` and the like in quotes, or the first of `ci skip`.
fn quote_pairs(line: &str) -> String {
    let text: Vec<char> = line.chars().collect();
    let all: Vec<(usize, usize)> = words(&text).collect();
    let is = |index: usize, word: &str| {
        all.get(index).is_some_and(|(start, end)| end - start == word.len() && starts_with(&text[*start..*end], word))
    };
    let is_build = |index: usize| BUILDS.iter().any(|build| is(index, build));
    let are_joined = |index: usize| {
        let between = all.get(index + 1).map(|(start, _)| &text[all[index].1..*start]);
        between.is_some_and(|between| matches!(between, [' ' | '-' | '_' | ':'] | [':', ' ']))
    };
    let mut result = String::with_capacity(line.len() + 8);
    let mut position = 0;
    for (index, (start, end)) in all.iter().enumerate() {
        let after = index > 0
            && are_joined(index - 1)
            && (is(index - 1, "skip") && is_build(index)
                || is(index - 1, "no") && is(index, "ci")
                || is(index - 1, "breaking") && (is(index, "change") || is(index, "changes")));
        let is_quoted = after || are_joined(index) && is_build(index) && is(index + 1, "skip");
        // A dash or an underscore would hold the two together.
        let gap = &text[position..*start];
        result.extend(if after { &[' '][..] } else { gap });
        result.extend(is_quoted.then_some('"'));
        result.extend(&text[*start..*end]);
        result.extend(is_quoted.then_some('"'));
        position = *end;
    }
    result.extend(&text[position..]);
    result
}

#[cfg(test)]
mod tests {
    use super::{without_commands, without_references};

    #[test]
    fn nothing_is_left_that_a_host_obeys() {
        let cases = [
            ("Do not [skip ci], it closes #34; ask @ann", r#"Do not (skip "ci"), it closes (#)34; ask (at)ann"#),
            (
                "[ci skip] [no ci] [skip actions] [actions skip]",
                r#"("ci" skip) (no "ci") (skip "actions") ("actions" skip)"#,
            ),
            ("[CI Skip] [skip-ci] [skip_ci] [ci-skip]", r#"("CI" Skip) (skip "ci") (skip "ci") ("ci"-skip)"#),
            ("***NO_CI*** now", r#"NO "CI" now"#),
            ("skip-checks: true", r#"skip "checks" true"#),
            (
                "[azurepipelines skip] [skip netlify] [skip azp]",
                r#"("azurepipelines" skip) (skip "netlify") (skip "azp")"#,
            ),
            ("[CF-Pages-Skip] [release] [skip anything]", r#"(CF-"Pages"-Skip) (release) (skip anything)"#),
            ("fixes owner/repo#34, GH-35 and gh-36", "fixes owner/repo(#)34, GH 35 and gh 36"),
            ("Resolves: https://github.com/o/r/issues/34", "Resolves: https:(//)github.com/o/r/issues/34"),
            ("implements !123 and &4 and %5 and ~bug", "implements (!)123 and (&)4 and (%)5 and (~)bug"),
            ("PROJ-123 #close #time 2h #comment done", "PROJ 123 (#)close (#)time 2h (#)comment done"),
            ("Fixes eng-12, AB#7 and T34", "Fixes eng 12, AB(#)7 and T(34)"),
            ("closes issue 34, fixes bug:35, see ticket 36", "closes issue (34), fixes bug:(35), see ticket (36)"),
            ("/label ~x", "(/)label (~)x"),
            ("then /close", "then (/)close"),
            ("Signed-off-by: A <a@b.org>", "Signed-off-by A <a(at)b.org>"),
            ("Co-authored-by: @ann", "Co-authored-by (at)ann"),
            ("Change-Id: I0123 Release-As: 2.0.0", "Change-Id I0123 Release-As 2.0.0"),
            ("BREAKING CHANGE: all of it", r#"BREAKING "CHANGE": all of it"#),
            ("BREAKING-CHANGE: it", r#"BREAKING "CHANGE" it"#),
            ("#major #minor +semver: major", "(#)major (#)minor (+)semver: major"),
            (r#"@"a team" @{account}"#, r#"(at)"a team" (at){account}"#),
        ];
        for (line, expected) in cases {
            assert_eq!(without_commands(line), expected, "{line}");
        }
    }

    #[test]
    fn what_nobody_obeys_stays() {
        for line in [
            "Fix the off-by-one error in src/lib.rs, at line 34",
            "Refactor the prefix of utf-8 fixtures, see step-2",
            "Use C# and C++ for a & b, 100 % of it! ~ 5 lines",
            "Read /etc/hosts and ./run.sh; cd /tmp/x",
            "Say key: value, e.g. timeout: 5",
            "Build it without caching, then skip the tests",
            "The token [REDACTED:github-token:0a1b2c3d] is in it",
            "claude-opus-4-6 2.1.42 gpt-5.3-codex gpt-5",
        ] {
            assert_eq!(without_commands(line), line);
        }
    }

    #[test]
    fn twice_is_as_good_as_once() {
        for line in
            ["[skip ci] closes #34 @ann PROJ-1 /label ~x https://a.b T4", "fix bug 3, [skip-ci] ***NO_CI*** a-b: c"]
        {
            let once = without_commands(line);
            assert_eq!(without_commands(&once), once);
        }
    }

    /// Whatever surrounds them, and however they are cut.
    #[test]
    fn no_part_of_a_line_is_obeyed() {
        let line = "a[skip ci]b(closes #34)x@ann,PROJ-12/34 fix:GH-3!4 ***NO_CI*** skip-checks: true www.a.b/issues/3";
        let boundaries: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
        for start in &boundaries {
            for end in boundaries.iter().filter(|end| *end >= start) {
                let result = without_commands(&line[*start..*end]);
                for word in ["[", "]", "@a", "#3", "!4", "GH-3", "PROJ-1", "skip ci", "NO_CI", "skip-checks", "www.a"] {
                    assert!(!result.contains(word), "{word} in {result}");
                }
            }
        }
    }

    #[test]
    fn references_alone_leave_brackets() {
        assert_eq!(without_references("See [1] and @ann"), "See [1] and (at)ann");
    }
}
