//! The settings of one command, `git -c key=value`, which git hands to hooks in `GIT_CONFIG_PARAMETERS`. gix
//! reads `GIT_CONFIG_COUNT` and the variables beside it, but not this variable.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use gix::{
    bstr::{BStr, BString, ByteSlice},
    config::{
        File, KeyRef, Source,
        file::{
            Metadata,
            includes::{self, conditional},
            init,
        },
        path::interpolate,
    },
};

use super::{GitError, error::During};

const VARIABLE: &str = "GIT_CONFIG_PARAMETERS";

/// A key and its value; a key without `=` has none and means yes.
type Setting = (BString, Option<BString>);

/// Adds the settings of the command that is running: they win over every file.
#[expect(clippy::disallowed_methods, reason = "as gix does with the other variables of git's configuration")]
pub(super) fn apply(repository: &mut gix::Repository) -> Result<(), GitError> {
    let Some(list) = std::env::var_os(VARIABLE).map(OsString::into_vec).filter(|list| !list.is_empty()) else {
        return Ok(());
    };
    let settings = parse(&list).ok_or_else(|| GitError::failed("reading the configuration", &Malformed))?;
    let mut file = File::new(Metadata::from(Source::Cli));
    for (key, value) in &settings {
        let key = KeyRef::parse_unvalidated(key.as_bstr())
            .ok_or_else(|| GitError::failed("reading the configuration", &Malformed))?;
        let mut section = file
            .section_mut_or_create_new(key.section_name, key.subsection_name)
            .during("reading the configuration")?;
        section
            .push(key.value_name, value.as_ref().map(|value| value.as_bstr()))
            .during("reading the configuration")?;
    }
    include_files(repository, &mut file)?;
    let mut snapshot = repository.config_snapshot_mut();
    snapshot.append(file).during("reading the configuration")?;
    snapshot.commit().during("reading the configuration").map(drop)
}

/// Reads what `git -c include.path=FILE` names.
fn include_files(repository: &gix::Repository, file: &mut File) -> Result<(), GitError> {
    let home = gix::path::env::home_dir();
    let branch = repository.head_name().ok().flatten();
    let interpolate = interpolate::Context { home_dir: home.as_deref(), ..interpolate::Context::default() };
    let conditional = conditional::Context {
        git_dir: Some(repository.git_dir()),
        branch_name: branch.as_ref().map(std::convert::AsRef::as_ref),
    };
    let mut includes = includes::Options::follow(interpolate, conditional);
    includes.err_on_missing_config_path = false;
    let options = init::Options { includes, ..init::Options::default() };
    file.resolve_includes(options).during("reading the configuration")
}

#[derive(Debug, thiserror::Error)]
#[error("{VARIABLE} is malformed")]
struct Malformed;

/// Reads the list as git quotes it for a shell: `'key=value'` before git 2.31, `'key'='value'` since.
fn parse(list: &[u8]) -> Option<Vec<Setting>> {
    let mut settings = Vec::new();
    let mut rest = list.trim_ascii_start();
    while !rest.is_empty() {
        let (word, after) = unquote(rest)?;
        let (setting, after) = match after.strip_prefix(b"=") {
            None => (split(word.as_bstr()), after),
            Some(after) if after.starts_with(b"'") => {
                let (value, after) = unquote(after)?;
                ((word, Some(value)), after)
            }
            Some(after) => ((word, None), after),
        };
        if !after.is_empty() && !after[0].is_ascii_whitespace() {
            return None;
        }
        settings.push(setting);
        rest = after.trim_ascii_start();
    }
    Some(settings)
}

fn split(word: &BStr) -> Setting {
    match word.split_once_str("=") {
        Some((key, value)) => (key.trim().into(), Some(value.into())),
        None => (word.trim().into(), None),
    }
}

/// Takes one word in single quotes from the front; `\'` and `\!` stand between two quoted parts.
fn unquote(text: &[u8]) -> Option<(BString, &[u8])> {
    let mut word = BString::default();
    let mut rest = text.strip_prefix(b"'")?;
    loop {
        let end = rest.find_byte(b'\'')?;
        word.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest {
            [b'\\', escaped @ (b'\'' | b'!'), b'\'', after @ ..] => {
                word.push(*escaped);
                rest = after;
            }
            _ => return Some((word, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn read(list: &str) -> Option<Vec<(String, Option<String>)>> {
        let settings = parse(list.as_bytes())?.into_iter();
        Some(settings.map(|(key, value)| (key.to_string(), value.map(|value| value.to_string()))).collect())
    }

    fn settings<const N: usize>(expected: [(&str, Option<&str>); N]) -> Option<Vec<(String, Option<String>)>> {
        Some(expected.into_iter().map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).collect())
    }

    #[test]
    fn reads_both_forms_with_the_quotes_of_a_shell() {
        let cases = [
            ("", settings([])),
            ("'a.b=c'", settings([("a.b", Some("c"))])),
            ("'a.b'='c'", settings([("a.b", Some("c"))])),
            ("'a.b'=", settings([("a.b", None)])),
            ("'a.b'=''", settings([("a.b", Some(""))])),
            ("'a.b'", settings([("a.b", None)])),
            ("'a.b='", settings([("a.b", Some(""))])),
            ("'a.b'='x' 'c.d=y'  'e.f'=", settings([("a.b", Some("x")), ("c.d", Some("y")), ("e.f", None)])),
            (r"'a.b'='it'\''s'", settings([("a.b", Some("it's"))])),
            (r"'a.b'='no'\!''", settings([("a.b", Some("no!"))])),
            ("'a.x=y.b'='c'", settings([("a.x=y.b", Some("c"))])),
            ("'a.b'='two words\nand lines'", settings([("a.b", Some("two words\nand lines"))])),
        ];
        for (list, expected) in cases {
            assert_eq!(read(list), expected, "{list}");
        }
    }

    #[test]
    fn a_malformed_list_is_refused_as_git_refuses_it() {
        for list in ["a.b=c", "'a.b=c", "'a.b'='c", "'a.b'='c'x", "'a.b'c", r"'a'\x'b'"] {
            assert_eq!(read(list), None, "{list}");
        }
    }
}
