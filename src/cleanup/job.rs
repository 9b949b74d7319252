//! What the CI jobs are made with, and how the files that say so are filled in.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What an older version wrote for the address that the project did not have; no job can install from there.
const NO_ADDRESS: &str = "//git-session.invalid/";

/// When the jobs run, unless `cleanup init` is told otherwise: at a time when few others do.
pub const SCHEDULE: &str = "17 3 * * *";

/// How a job gets this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Install {
    /// It downloads the program and checks it.
    Release {
        /// The address of the program itself.
        url: String,
        /// Its SHA-256 in hex.
        sha256: String,
    },
    /// It builds the program with cargo.
    Cargo {
        /// The address of the repository.
        source: String,
        /// The commit or tag.
        revision: String,
    },
}

/// What the files of the jobs are made with; they remember it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// How the jobs get this program; `None` where that is not known, or nothing is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// When they run, as cron says it, in UTC.
    pub schedule: String,
    /// Where sessions are kept: `opensession.fanout-mode`.
    pub fanout_mode: String,
    /// The branch that keeps the sessions of reviews.
    pub archive: Option<String>,
}

impl Install {
    /// Whether a job can install from there, as far as the address tells.
    pub(super) fn is_real(&self) -> bool {
        !self.parts().0.contains(NO_ADDRESS)
    }

    /// What it is from, and what it is pinned to.
    fn parts(&self) -> (&str, &str) {
        match self {
            Self::Release { url, sha256 } => (url, sha256),
            Self::Cargo { source, revision } => (source, revision),
        }
    }
}

impl Job {
    /// Refuses what could mean something else in a shell or in YAML.
    ///
    /// # Errors
    /// When a value has a character that no such value needs.
    pub fn checked(self) -> Result<Self> {
        if let Some(install) = &self.install {
            let (from, pin) = install.parts();
            check("the address to install from", from, "-._~:/@+=%")?;
            check("what the installation is pinned to", pin, "-._/+")?;
        }
        check("the fanout mode", &self.fanout_mode, "_")?;
        check("the schedule", &self.schedule, " */,-")?;
        if let Some(archive) = &self.archive {
            check("the branch that keeps sessions", archive, "-._/")?;
        }
        if let Some(Install::Release { url, sha256 }) = &self.install {
            let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_hash || !url.contains("://") {
                return Err(Error::usage("a release is the URL of the program and its SHA-256 of 64 hex digits")
                    .hinted("sha256sum git-session"));
            }
        }
        Ok(self)
    }

    /// Fills in a template: `@NAME@` in a line, or a line of its own where a block belongs.
    #[must_use]
    pub fn filled(&self, template: &str, blocks: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for line in template.lines() {
            match blocks.iter().find(|(name, _)| line == *name) {
                Some((_, block)) => text.push_str(&self.filled(block, &[])),
                None => text.extend([&*self.line(line), "\n"]),
            }
        }
        text
    }

    fn line(&self, line: &str) -> String {
        let (from, pin) = self.install.as_ref().map_or(("", ""), Install::parts);
        let is_commit = pin.len() >= 40 && pin.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (image, flag) = match self.install {
            Some(Install::Release { .. }) => ("buildpack-deps:stable-scm", ""),
            _ if is_commit => ("rust:1", "--rev"),
            _ => ("rust:1", "--tag"),
        };
        let values = [
            ("@SCHEDULE@", self.schedule.as_str()),
            ("@FANOUT_MODE@", &self.fanout_mode),
            ("@ARCHIVE@", self.archive.as_deref().unwrap_or_default()),
            ("@INSTALL_FROM@", from),
            ("@INSTALL_PIN@", pin),
            ("@INSTALL_FLAG@", flag),
            ("@IMAGE@", image),
        ];
        values.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value))
    }
}

fn check(what: &str, value: &str, signs: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || signs.as_bytes().contains(&byte);
    if !value.is_empty() && !value.starts_with('-') && !value.contains("..") && value.bytes().all(is_plain) {
        return Ok(());
    }
    Err(Error::usage(format!("{what} is '{value}', which the jobs do not take"))
        .hinted(format!("letters, digits and {signs} are taken")))
}

#[cfg(test)]
mod tests {
    use super::{Install, Job, SCHEDULE};

    fn job() -> Job {
        let fanout_mode = "hidden_ref".to_owned();
        let (source, revision) = ("https://example.org/git-session.git".to_owned(), "v1".to_owned());
        let install = Some(Install::Cargo { source, revision });
        Job { install, schedule: SCHEDULE.to_owned(), fanout_mode, archive: None }
    }

    #[test]
    fn nothing_gets_into_a_job_that_a_shell_or_yaml_would_obey() {
        assert!(job().checked().is_ok());
        for bad in ["a'b", "a\"b", "a$(b)", "a`b`", "a\nb", "a b", "-a", "a;b", "${{x}}", "a..b", ""] {
            assert!(Job { archive: Some(bad.to_owned()), ..job() }.checked().is_err(), "{bad}");
            let install = Some(Install::Cargo { source: bad.to_owned(), revision: "v1".to_owned() });
            assert!(Job { install, ..job() }.checked().is_err(), "{bad}");
        }
        let install = Some(Install::Release { url: "https://example.org/x".to_owned(), sha256: "12".to_owned() });
        assert!(Job { install, ..job() }.checked().is_err());
    }

    #[test]
    fn a_block_takes_the_place_of_its_line() {
        let text = job().filled("a: @SCHEDULE@\n@BLOCK@\nb\n", &[("@BLOCK@", "  c: @FANOUT_MODE@\n")]);
        assert_eq!(text, "a: 17 3 * * *\n  c: hidden_ref\nb\n");
    }
}
