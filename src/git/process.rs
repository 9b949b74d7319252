//! Starting processes: the system `git`, and this program again in the background.

use std::{
    ffi::OsStr,
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use super::{GitError, Repository};

/// The longest a git process may take unless the caller says otherwise.
const DEFAULT_LIMIT: Duration = Duration::from_secs(300);

/// How long a git that was asked to end may take to put its files in order.
const GRACE: Duration = Duration::from_millis(500);

/// The environment variables that point git at a repository, which must not leak into commands
/// meant for another one.
pub(super) const REPOSITORY_VARIABLES: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
];

/// Settings of programs that git would run beside a command of ours and that may lie in the work tree. Hooks of the
/// configuration have switches of their own: [`Repository::without_hooks`].
const NO_PROGRAMS: [&str; 4] = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];

/// The subcommands that are asked for the settings themselves.
const READS_SETTINGS: [&str; 2] = ["config", "rev-parse"];

/// The subcommands that open connections.
const CONNECTS: [&str; 3] = ["fetch", "push", "ls-remote"];

/// A git command about to run.
pub(super) struct Git {
    pub(super) command: Command,
    pub(super) subcommand: String,
    input: Option<Vec<u8>>,
    source: Option<ChildStdout>,
    pub(super) limit: Duration,
}

/// A git command that ran.
#[derive(Debug)]
pub struct Finished {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// What it printed, lossily as text.
    pub stdout: String,
    /// What it printed, as it is.
    pub raw_stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: String,
    subcommand: String,
}

impl Repository {
    /// Prepares `git <arguments>` in this repository: nothing inherited, no terminal, no prompt,
    /// English messages.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts git")]
    pub(super) fn git<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Git {
        // Each `-c` has a setting after it.
        let words: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
        let subcommand = words.chunks(2).find(|pair| pair[0] != "-c").map(|pair| pair[0].to_string());
        let subcommand = subcommand.unwrap_or_default();
        let mut command = Command::new("git");
        if !READS_SETTINGS.contains(&subcommand.as_str()) {
            command.args(NO_PROGRAMS).args(self.without_hooks());
        }
        for variable in REPOSITORY_VARIABLES {
            command.env_remove(variable);
        }
        command.current_dir(self.work_tree().unwrap_or_else(|| self.git_dir()));
        command.env("GIT_DIR", absolute(self.git_dir()));
        if let Some(work_tree) = self.work_tree() {
            command.env("GIT_WORK_TREE", absolute(work_tree));
        }
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
        // There is no terminal: a prompt for a password fails at once instead. Credential helpers
        // and the user's own SSH settings are left alone.
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "true").env("SSH_ASKPASS_REQUIRE", "never");
        let has_own_ssh = ["GIT_SSH", "GIT_SSH_COMMAND"].iter().any(|name| std::env::var_os(name).is_some());
        if !has_own_ssh && self.config("core.sshCommand").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        // An object that a partial clone left out is fetched by `Repository::fetch_missing` only. A git older
        // than 2.45 does not know the first variable; the second refuses it every transport.
        command.env("GIT_NO_LAZY_FETCH", "1");
        if !CONNECTS.contains(&subcommand.as_str()) {
            command.env("GIT_ALLOW_PROTOCOL", "none");
        }
        command.args(arguments);
        Git::new(command, subcommand)
    }

    /// The version that `git --version` prints, without the word git.
    ///
    /// # Errors
    /// When git is not installed.
    pub fn git_version(&self) -> Result<String, GitError> {
        let finished = self.git(&["--version"]).run()?.require()?;
        Ok(finished.stdout.trim().trim_start_matches("git version ").to_owned())
    }

    /// The first two numbers of that version.
    ///
    /// # Errors
    /// When git is not installed.
    pub fn git_numbers(&self) -> Result<(u32, u32), GitError> {
        let version = self.git_version()?;
        let mut numbers = version.split(['.', ' ']).map(|part| part.parse().unwrap_or(0));
        Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
    }
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Git {
    /// A command with all its arguments; `subcommand` names it in errors.
    pub(super) fn new(command: Command, subcommand: String) -> Self {
        Self { command, subcommand, input: None, source: None, limit: DEFAULT_LIMIT }
    }

    /// Feeds `bytes` to its standard input.
    pub(super) fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = Some(bytes);
        self
    }

    /// Sets an environment variable.
    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Stops it after `limit`.
    pub(super) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end with what `source` writes as its input, without buffering it. When
    /// `source` fails, so does this.
    pub(super) fn run_after(mut self, mut source: Self) -> Result<Finished, GitError> {
        let failed = |message: String| GitError::Process { command: source.subcommand.clone(), message };
        source.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = source.command.spawn().map_err(|fault| failed(format!("cannot run git: {fault}")))?;
        let writer = source
            .input
            .take()
            .zip(child.stdin.take())
            .map(|(bytes, mut stdin)| std::thread::spawn(move || drop(stdin.write_all(&bytes))));
        self.source = child.stdout.take();
        // Once this one has ended, the other writes into a closed pipe and ends, too.
        let finished = self.run();
        let status = wait(&mut child, DEFAULT_LIMIT).map_err(|fault| failed(fault.to_string()))?;
        drop(writer.map(std::thread::JoinHandle::join));
        match status {
            Some(status) if status.success() => finished,
            Some(status) => Err(failed(status.to_string())),
            None => Err(GitError::TimedOut { command: source.subcommand, seconds: DEFAULT_LIMIT.as_secs() }),
        }
    }

    /// Runs it to its end. A non-zero exit is not an error yet: see [`Finished::require`].
    pub(super) fn run(mut self) -> Result<Finished, GitError> {
        let subcommand = self.subcommand.clone();
        let failed = |message: String| GitError::Process { command: subcommand.clone(), message };
        self.command.stdin(match self.source.take() {
            Some(source) => Stdio::from(source),
            None if self.input.is_some() => Stdio::piped(),
            None => Stdio::null(),
        });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|fault| failed(format!("cannot run git: {fault}")))?;
        let writer = self.input.take().zip(child.stdin.take()).map(|(bytes, mut stdin)| {
            // A git that ends early closes the pipe; its exit code says why.
            std::thread::spawn(move || drop(stdin.write_all(&bytes)))
        });
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let status = wait(&mut child, self.limit).map_err(|fault| failed(fault.to_string()))?;
        let Some(status) = status else {
            let seconds = self.limit.as_secs();
            return Err(GitError::TimedOut { command: subcommand, seconds });
        };
        drop(writer.map(std::thread::JoinHandle::join));
        let raw_stdout = stdout.join().unwrap_or_default();
        let stderr = stderr.join().unwrap_or_default();
        Ok(Finished {
            code: status.code(),
            stdout: String::from_utf8_lossy(&raw_stdout).into_owned(),
            raw_stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            subcommand,
        })
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a failure is still what git said.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Waits for the child; ends it and returns `None` when it takes longer than `limit`.
pub(super) fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    if let Some(status) = wait_for(child, limit)? {
        return Ok(Some(status));
    }
    // Asked first: a git that is killed leaves its lock files behind.
    if let Ok(id) = i32::try_from(child.id()) {
        let _ = signal::kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    if wait_for(child, GRACE)?.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(None)
}

/// Waits for the child, at most for `limit`.
fn wait_for(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= limit {
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

impl Finished {
    /// Whether it exited with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Insists on an exit code of 0.
    ///
    /// # Errors
    /// When it is another, with what git said.
    pub fn require(self) -> Result<Self, GitError> {
        if self.success() {
            return Ok(self);
        }
        let message = self.stderr.trim();
        let message = if message.is_empty() { format!("exit code {:?}", self.code) } else { message.to_owned() };
        Err(GitError::Process { command: self.subcommand, message })
    }
}

impl Repository {
    /// Shows text in the pager that git would use; `false` when there is none.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the pager is git's own")]
    pub fn page(&self, text: &[u8]) -> bool {
        // Asked outside of the repository: its own configuration must not name a program to run.
        let mut outside = self.git(&["var", "GIT_PAGER"]);
        outside.command.current_dir("/").env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
        let pager = outside.run().and_then(Finished::require);
        let Ok(pager) = pager.map(|finished| finished.stdout.trim().to_owned()) else { return false };
        if pager.is_empty() || pager == "cat" {
            return false;
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(&pager).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            // As git does it: leave when it fits, keep colours, leave the screen as it is.
            command.env("LESS", "FRX");
        }
        let Ok(mut child) = command.spawn() else { return false };
        if let Some(mut stdin) = child.stdin.take() {
            // A person who leaves the pager early closes the pipe.
            let _ = stdin.write_all(text);
        }
        child.wait().is_ok()
    }
}

/// Starts this program again in the background with `arguments`, in `directory`, and does not wait
/// for it. The child itself calls [`detach_from_terminal`] first.
///
/// # Errors
/// When it does not start.
#[expect(clippy::disallowed_methods, reason = "the capture after a commit must not be waited for")]
pub fn spawn_detached(program: &Path, arguments: &[&str], directory: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    // What git sets for the hook describes a commit that is over when the child works.
    for variable in ["GIT_INDEX_FILE", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE", "GIT_PREFIX"] {
        command.env_remove(variable);
    }
    command.args(arguments).current_dir(directory);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()
}

/// Leaves the session of the terminal and closes every inherited descriptor, so that whoever waits
/// for the end of a captured `git commit` does not wait for this process.
pub fn detach_from_terminal() {
    // Failing means that it already leads a session, which is as good.
    let _ = nix::unistd::setsid();
    let Ok(folder) = std::fs::read_dir("/dev/fd") else { return };
    let numbers: Vec<i32> = folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in numbers {
        // One of them was the folder itself and is closed by now.
        let _ = nix::unistd::close(number);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        process::Command,
        time::{Duration, Instant},
    };

    use super::wait;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is waited for stands for a git")]
    fn a_process_that_takes_too_long_may_put_its_files_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "trap 'rm lock; exit 1' TERM; touch lock; while :; do sleep 0.01; done";
        let mut child = Command::new("sh").args(["-c", script]).current_dir(&folder).spawn().expect("a shell");
        let lock = folder.path().join("lock");
        let started = Instant::now();
        while !lock.exists() && started.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(lock.exists());
        assert!(wait(&mut child, Duration::ZERO).expect("an end").is_none());
        assert!(!lock.exists());
    }
}
