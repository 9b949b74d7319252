//! A world of its own for every test: home, repositories, remotes, agents' logs.

#![expect(clippy::disallowed_methods, reason = "tests start git and the program itself")]
#![expect(clippy::needless_pass_by_value, reason = "a literal reads better without a reference")]

mod logs;
mod sent;

use std::{
    ffi::OsStr,
    fmt, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub use logs::{ClaudeLog, CodexLog};
pub use sent::Sent;
use tempfile::TempDir;

/// The moment at which every test happens.
pub const NOW: &str = "2026-02-01T12:00:00Z";

/// A temporary directory with a home.
pub struct World {
    root: TempDir,
}

/// The PATH that the tests were started with, on which the git under test is.
pub fn outer_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// A folder in a world, mostly a repository.
#[derive(Clone)]
pub struct Place {
    pub path: PathBuf,
    home: PathBuf,
    variables: Vec<(String, String)>,
}

/// A command that ran.
#[derive(Debug)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

impl World {
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("world").tempdir().expect("a temporary directory");
        let world = Self { root };
        fs::create_dir_all(world.home()).expect("a home");
        // git's own maintenance in the background takes loose objects away when it sees fit. Most sessions of the
        // tests have no commit, and are to be sent all the same.
        let config = "[user]\n\tname = A. Developer\n\temail = developer@example.org\n[init]\n\tdefaultBranch = main\n\
                      [maintenance]\n\tauto = false\n[opensession]\n\tpush-unlinked = true\n";
        fs::write(world.home().join(".gitconfig"), config).expect("a global configuration");
        world
    }

    /// A world in which a session without a commit stays where it is, as is the default.
    pub fn with_default_selection() -> Self {
        let world = Self::new();
        world.place(".").git(&["config", "--global", "--unset", "opensession.push-unlinked"]);
        world
    }

    /// A world in which the hooks are scripts, whatever git there is.
    pub fn with_scripts() -> Self {
        let world = Self::new();
        world.place(".").git(&["config", "--global", "opensession.hooks", "scripts"]);
        world
    }

    /// Whether the git under test is at least of this version. Where it is not, says on the terminal
    /// itself, which no test runner keeps back, what is not tested.
    pub fn has_git(&self, oldest: (u32, u32), what: &str) -> bool {
        let version = self.place(".").git(&["--version"]);
        let version = version.trim().trim_start_matches("git version ");
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if found < oldest {
            // `println!` would be captured.
            let _ = writeln!(std::io::stderr(), "\nskipped: git {version} knows no {what}");
        }
        found >= oldest
    }

    /// Whether the git under test was built to speak HTTP; where it was not, says so.
    pub fn has_http(&self) -> bool {
        let place = self.place(".");
        let is_there = Path::new(place.git(&["--exec-path"]).trim()).join("git-remote-http").exists();
        if !is_there {
            let version = place.git(&["--version"]);
            let version = version.trim().trim_start_matches("git version ");
            let _ = writeln!(std::io::stderr(), "\nskipped: git {version} knows no HTTP");
        }
        is_there
    }

    pub fn path(&self) -> PathBuf {
        self.root.path().canonicalize().expect("the directory exists")
    }

    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// A folder, made when it is not there.
    pub fn place(&self, name: &str) -> Place {
        let path = self.path().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Place { path, home: self.home(), variables: Vec::new() }
    }

    /// A repository without commits.
    pub fn repository(&self, name: &str) -> Place {
        let place = self.place(name);
        place.git(&["init", "--quiet"]);
        place
    }

    /// A bare repository.
    pub fn bare(&self, name: &str) -> Place {
        let place = self.place(name);
        place.git(&["init", "--quiet", "--bare"]);
        place
    }

    /// A repository with one commit, the hooks, and `origin` at a bare remote that has that commit.
    pub fn shared(&self) -> (Place, Place) {
        let remote = self.bare("remote.git");
        let work = self.repository("work");
        work.write("README.md", "# Work\n");
        work.commit_all("Begin");
        work.git(&["remote", "add", "origin", &remote.path.display().to_string()]);
        work.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
        work.session(&["hooks", "install"]).ok();
        (work, remote)
    }

    /// A clone of `remote` with the hooks.
    pub fn clone_of(&self, remote: &Place, name: &str) -> Place {
        self.place(".").git(&["clone", "--quiet", &remote.path.display().to_string(), name]);
        let clone = self.place(name);
        clone.session(&["hooks", "install"]).ok();
        clone
    }
}

impl Place {
    /// The same place with an environment variable.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut place = self.clone();
        place.variables.push((name.to_owned(), value.to_owned()));
        place
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.join(path)).expect("a readable file")
    }

    /// Runs any command.
    pub fn run<S: AsRef<OsStr>>(&self, program: &str, arguments: &[S]) -> Ran {
        let mut command = self.command(program);
        command.args(arguments);
        Ran::of(&mut command)
    }

    /// A command in this place and in the world's environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_git-session"));
        let folder = binary.parent().expect("the program is in a folder").display();
        let inherited = outer_path();
        let mut command = Command::new(program);
        command.current_dir(&self.path).stdin(Stdio::null()).env_clear();
        command.env("HOME", &self.home).env("PATH", format!("{folder}:{inherited}"));
        command.env("TZ", "UTC").env("LC_ALL", "C").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_AUTHOR_DATE", NOW).env("GIT_COMMITTER_DATE", NOW).env("GIT_SESSION_NOW", NOW);
        command.envs(self.variables.iter().cloned());
        command
    }

    /// Runs git and insists on success; returns what it printed.
    pub fn git<S: AsRef<OsStr> + fmt::Debug>(&self, arguments: &[S]) -> String {
        let ran = self.run("git", arguments);
        assert_eq!(ran.code, 0, "git {arguments:?}: {ran}");
        ran.stdout
    }

    /// Runs the program.
    pub fn session<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Ran {
        self.run(env!("CARGO_BIN_EXE_git-session"), arguments)
    }

    /// Runs the program and reads its JSON answer.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let ran = self.session(&arguments);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|fault| panic!("{arguments:?}: {fault}: {ran}"))
    }

    pub fn commit_all(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// The message of a commit.
    pub fn message(&self, commit: &str) -> String {
        self.git(&["log", "-1", "--format=%B", commit]).trim_end().to_owned() + "\n"
    }

    /// The ids of the sessions that a commit's trailers name.
    pub fn trailers(&self, commit: &str) -> Vec<String> {
        let format = "--format=%(trailers:key=AI-Session,valueonly)";
        self.git(&["log", "-1", format, commit]).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// The names of the references under `prefix`.
    pub fn references(&self, prefix: &str) -> Vec<String> {
        self.git(&["for-each-ref", "--format=%(refname)", prefix]).lines().map(str::to_owned).collect()
    }

    /// The paths in the tree of a reference.
    pub fn tree(&self, reference: &str) -> Vec<String> {
        self.git(&["ls-tree", "-r", "--name-only", reference]).lines().map(str::to_owned).collect()
    }

    /// The ids of the sessions that `git session log` lists.
    pub fn stored(&self) -> Vec<String> {
        let log = self.json(&["log", "--all"]);
        let mut ids: Vec<String> =
            log.as_array().expect("an array").iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    }

    /// Waits until every capture that a commit asked for is done, which happens in the background, and
    /// `git session log` lists `count` sessions.
    pub fn wait_for_sessions(&self, count: usize) -> Vec<String> {
        let queue = self.path.join(self.git(&["rev-parse", "--git-common-dir"]).trim()).join("opensession/queue");
        let is_waiting = |name: &OsStr| Path::new(name).extension().is_some_and(|extension| extension == "json");
        let started = Instant::now();
        loop {
            let is_done =
                fs::read_dir(&queue).map_or(true, |jobs| jobs.flatten().all(|job| !is_waiting(&job.file_name())));
            let stored = self.stored();
            if is_done && stored.len() == count || started.elapsed() > Duration::from_secs(20) {
                assert_eq!(stored.len(), count, "{stored:?}");
                return stored;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Insists on success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}
