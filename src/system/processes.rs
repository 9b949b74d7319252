//! The processes above this one.

use std::path::Path;

use super::files;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its arguments, the program first.
    pub arguments: Vec<String>,
}

/// How far up is looked.
const MAX_DEPTH: usize = 32;

/// The processes above this one, the nearest first, as far as the system tells: nothing where there is no `/proc`.
#[must_use]
pub fn ancestors() -> Vec<Process> {
    let mut found = Vec::new();
    let mut id = std::os::unix::process::parent_id();
    while id > 1 && found.len() < MAX_DEPTH {
        let folder = Path::new("/proc").join(id.to_string());
        let Ok(line) = files::read(&folder.join("cmdline"), files::SMALL) else { break };
        let arguments = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let mut arguments: Vec<String> = arguments.collect();
        arguments.pop();
        found.push(Process { arguments });
        let Ok(stat) = files::read(&folder.join("stat"), files::SMALL) else { break };
        // The name of the program, in parentheses, can have any character.
        let rest = String::from_utf8_lossy(&stat).rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        let parent = rest.and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        let Some(parent) = parent else { break };
        id = parent;
    }
    found
}

impl Process {
    /// The name of the program.
    #[must_use]
    pub fn name(&self) -> &str {
        let program = self.arguments.first().map_or("", String::as_str);
        // A login shell begins with a hyphen.
        program.rsplit('/').next().unwrap_or(program).trim_start_matches('-')
    }

    /// Whether it is a shell.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        ["sh", "bash", "zsh", "dash", "fish", "ksh", "ash", "tcsh", "csh", "nu", "pwsh"].contains(&self.name())
    }

    /// Whether it is a shell that a person types commands into: it was given neither a command nor a script.
    #[must_use]
    pub fn is_interactive_shell(&self) -> bool {
        if !self.is_shell() {
            return false;
        }
        let short = |word: &&String| word.starts_with('-') && !word.starts_with("--");
        let options: Vec<&String> = self.arguments.iter().skip(1).filter(short).collect();
        let has = |letter: char| options.iter().any(|word| word.contains(letter));
        let has_operand = self.arguments.iter().skip(1).any(|word| !word.starts_with('-') && !word.starts_with('+'));
        has('i') || (!has('c') && !has_operand)
    }
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn a_shell_is_interactive_without_a_command_or_a_script() {
        for (line, expected) in [
            ("-zsh", true),
            ("bash", true),
            ("/bin/bash --login", true),
            ("bash -i", true),
            ("bash -ic ls", true),
            ("bash -c ls", false),
            ("zsh -lc ls", false),
            ("bash script.sh", false),
            ("sh .git/hooks/prepare-commit-msg file", false),
            ("node cli.js", false),
            ("git commit", false),
        ] {
            let arguments = line.split(' ').map(str::to_owned).collect();
            assert_eq!(Process { arguments }.is_interactive_shell(), expected, "{line}");
        }
    }

    #[test]
    fn something_runs_this() {
        assert!(cfg!(not(target_os = "linux")) || !super::ancestors().is_empty());
    }
}
