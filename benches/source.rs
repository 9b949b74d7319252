//! What redaction takes for a secret in the files of the folders given as arguments: the share of bytes by rule, and with
//! `--list` each of them.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use git_session::redact::{Profile, Redactor, Settings};

/// What of some files is taken for a secret.
#[derive(Default)]
struct Taken {
    files: usize,
    bytes: usize,
    /// How often, and how many bytes, by rule.
    rules: BTreeMap<String, (usize, usize)>,
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let is_listing = arguments.iter().any(|argument| argument == "--list");
    let folders: Vec<PathBuf> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    for profile in [Profile::Default, Profile::Strict] {
        let redactor = Redactor::new(&Settings::of(profile), b"key", &[]).expect("the rules load");
        let mut taken = Taken::default();
        let mut rest = folders.clone();
        while let Some(path) = rest.pop() {
            if path.is_symlink() {
                continue;
            }
            if let Ok(entries) = fs::read_dir(&path) {
                rest.extend(entries.flatten().map(|entry| entry.path()));
            } else if let Ok(text) = fs::read_to_string(&path) {
                for found in look_at(&redactor, &text, &mut taken) {
                    if is_listing {
                        println!("{}: {found}", path.display());
                    }
                }
            }
        }
        let hit: usize = taken.rules.values().map(|(_, bytes)| bytes).sum();
        #[expect(clippy::cast_precision_loss, reason = "a share of some megabytes")]
        let share = hit as f64 * 100.0 / taken.bytes.max(1) as f64;
        println!("{profile}: {} files, {} bytes, of which {hit} are taken, {share:.4} %", taken.files, taken.bytes);
        for (rule, (count, bytes)) in taken.rules {
            println!("  {rule}: {count} times, {bytes} bytes");
        }
    }
}

/// Counts what is found in a text, and returns it.
fn look_at<'t>(redactor: &Redactor, text: &'t str, taken: &mut Taken) -> Vec<&'t str> {
    taken.files += 1;
    taken.bytes += text.len();
    let found = redactor.findings(text);
    for finding in &found {
        let (count, bytes) = taken.rules.entry(finding.rule.to_owned()).or_default();
        *count += 1;
        *bytes += finding.range.len();
    }
    found.into_iter().map(|finding| &text[finding.range]).collect()
}
