//! The text of the scripts.

use std::path::Path;

/// The line that a hook has which serves every repository of a person.
pub(super) const IS_GLOBAL: &str = "export OPENSESSION_GLOBAL=1";

/// The script for the program at `program`.
pub(super) fn script_for(script: &str, program: &Path) -> String {
    // A single quote ends a quoted word of sh, so it is written outside.
    script.replace("@PROGRAM@", &program.display().to_string().replace('\'', r"'\''"))
}

/// The script that a template puts into every repository of a person.
pub(super) fn script_for_every_repository(script: &str) -> String {
    script.replacen("\nprevious=", &format!("\n{IS_GLOBAL}\nprevious="), 1)
}

#[cfg(test)]
mod tests {
    use super::{IS_GLOBAL, script_for_every_repository};

    #[test]
    fn the_hooks_of_every_repository_say_so_to_the_program() {
        assert_eq!(IS_GLOBAL, format!("export {}=1", crate::config::FOR_EVERY_REPOSITORY));
        for (hook, script) in &crate::hooks::ALL {
            let script = script_for_every_repository(script);
            assert_eq!(script.lines().filter(|line| *line == IS_GLOBAL).count(), 1, "{hook}");
        }
    }
}
