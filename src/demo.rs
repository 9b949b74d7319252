//! The demonstration: the whole way of a session, in a temporary directory with a home of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    environment::Environment,
    error::{Error, Result},
    git::Sandbox,
};

const CLAUDE_CODE: &str = include_str!("../fixtures/demo/claude-code.jsonl");
const CODEX: &str = include_str!("../fixtures/demo/codex.jsonl");
const CLAUDE_ID: &str = "7c1f2a9e-3b54-4d0e-9a61-0f5d2c8b7e10";
const CODEX_ID: &str = "019bc0de-1111-7222-8333-444455556666";

/// One thought of the demonstration.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What it shows.
    pub comment: &'static str,
    /// The commands of it.
    pub runs: Vec<Run>,
}

/// One command and what it said.
#[derive(Debug, Serialize)]
pub struct Run {
    /// The folder it ran in, below the temporary one.
    pub folder: String,
    /// The command, as a person would type it.
    pub command: String,
    /// Its output, then its complaints.
    pub output: String,
}

struct Stage {
    sandbox: Sandbox,
    root: PathBuf,
    steps: Vec<Step>,
}

/// Plays the demonstration with this `program`; the directory is removed afterwards, whatever
/// happens.
///
/// # Errors
/// When a command fails, with what it said.
pub fn play(program: &Path, environment: &Environment) -> Result<Vec<Step>> {
    let folder = tempfile::Builder::new().prefix("git-session-demo-").tempdir()?;
    let root = folder.path().canonicalize()?;
    let home = root.join("home");
    fs::create_dir_all(&home)?;
    let mut stage = Stage { sandbox: Sandbox::new(program, &home, environment), root, steps: Vec::new() };
    stage.set()?;
    stage.work_with_claude_code()?;
    stage.work_with_codex()?;
    stage.push_and_read()?;
    stage.clean_up()?;
    folder.close()?;
    Ok(stage.steps)
}

impl Stage {
    fn set(&mut self) -> Result<()> {
        self.step("A repository, a bare remote to share it, and the hooks.");
        self.run("", "git init --quiet --bare --initial-branch=main remote.git")?;
        self.run("", "git init --quiet --initial-branch=main project")?;
        self.run("project", "git remote add origin ../remote.git")?;
        self.run("project", "git session hooks install")
    }

    fn work_with_claude_code(&mut self) -> Result<()> {
        let project = self.root.join("project");
        // What the agent would have done: the log in its own folder, and the file.
        let encoded: String =
            project.to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let log = self.root.join("home/.claude/projects").join(encoded).join(format!("{CLAUDE_ID}.jsonl"));
        self.write_log(&log, CLAUDE_CODE)?;
        fs::write(project.join("greet.py"), "def greet(name=\"world\"):\n    return f\"Hello, {name}!\"\n")?;
        self.step("Claude Code wrote greet.py. You commit as always; the commit names the session.");
        self.run("project", "git add greet.py")?;
        self.run("project", "git commit --quiet --message 'Greet people'")?;
        self.run("project", "git log -1 --format=%B")
    }

    fn work_with_codex(&mut self) -> Result<()> {
        let project = self.root.join("project");
        let log = self
            .root
            .join("home/.codex/sessions/2026/01/15")
            .join(format!("rollout-2026-01-15T10-00-00-{CODEX_ID}.jsonl"));
        self.write_log(&log, CODEX)?;
        let test =
            "from greet import greet\n\n\ndef test_greets_the_world():\n    assert greet() == \"Hello, world!\"\n";
        fs::write(project.join("test_greet.py"), test)?;
        self.step("Codex wrote a test. You wrote the readme yourself: that commit names nobody.");
        self.run("project", "git add test_greet.py")?;
        self.run("project", "git commit --quiet --message 'Test the greeting'")?;
        fs::write(project.join("README.md"), "# Greetings\n")?;
        self.run("project", "git add README.md")?;
        self.run("project", "git commit --quiet --message 'Say what it is'")?;
        self.run("project", "git log --format='%s [%(trailers:key=AI-Tool,valueonly,separator=%x2C)]'")
    }

    fn push_and_read(&mut self) -> Result<()> {
        self.step("You push the branch; the sessions go along, without the home directory and the secrets in them.");
        self.run("project", "git push --quiet --set-upstream origin main")?;
        self.run("", "git ls-remote remote.git")?;
        self.step("A colleague's clone has the code. One command brings the sessions.");
        self.run("", "git clone --quiet remote.git colleague")?;
        self.run("colleague", "git session sync --fetch-only")?;
        self.run("colleague", "git session log")?;
        self.step("Which session wrote greet.py, and what was said?");
        self.run("colleague", "git session show commit:HEAD~2")
    }

    fn clean_up(&mut self) -> Result<()> {
        self.step("A branch that is gone takes its sessions along, when their time is up.");
        self.run("project", "git push --quiet origin main:experiment")?;
        self.run("project", "git push --quiet origin --delete experiment")?;
        self.run("project", "git session cleanup run --hidden-ttl-days 0")
    }

    fn step(&mut self, comment: &'static str) {
        self.steps.push(Step { comment, runs: Vec::new() });
    }

    /// Runs a command in a folder of the stage and notes what it said.
    fn run(&mut self, folder: &str, command: &str) -> Result<()> {
        let (is_good, output) = self.sandbox.run(&self.root.join(folder), command)?;
        if !is_good {
            return Err(Error::user(format!("the demonstration stopped at `{command}`: {}", output.trim()))
                .hinted("git --version; git session needs git 2.30 or newer"));
        }
        let output = output.replace(&self.root.display().to_string(), "…");
        let step = self.steps.last_mut().expect("a step was begun");
        step.runs.push(Run { folder: folder.to_owned(), command: command.to_owned(), output });
        Ok(())
    }

    fn write_log(&self, path: &Path, log: &str) -> Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        fs::write(path, log.replace("@REPOSITORY@", &self.root.join("project").display().to_string()))?;
        Ok(())
    }
}
