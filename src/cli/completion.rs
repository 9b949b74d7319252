//! The `completion` command.

use std::path::PathBuf;

use clap_complete::Shell;

use super::user_files;
use crate::{
    context::Context,
    error::Result,
    report::{Message, Report},
};

/// What makes fish complete `git session` as `git-session`.
const FISH_GIT: &str = include_str!("completion/git.fish");

/// The shells that complete `git session …` as well as `git-session …`.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Print a completion script for a shell, or install it where the shell looks
///
/// bash needs the package bash-completion for `git session <TAB>`; zsh needs a line in ~/.zshrc, which
/// --install prints.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell; with --install, without it, each of bash, zsh and fish that is here
    #[arg(required_unless_present = "install")]
    shell: Option<Shell>,
    /// Write the script where the shell finds it by itself
    #[arg(long)]
    install: bool,
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    if let Some(shell) = arguments.shell.filter(|_| !arguments.install) {
        return Ok(Report::new(Message::new(script(shell))));
    }
    let folders = user_files::folders(context);
    let is_here = |shell: &Shell| folders.iter().any(|folder| folder.join(shell.to_string()).is_file());
    let shells = arguments.shell.map_or_else(|| SHELLS.into_iter().filter(is_here).collect(), |shell| vec![shell]);
    let mut lines = String::new();
    for shell in shells {
        let path = place(context, shell)?;
        let mut files = vec![(path.clone(), script(shell))];
        if shell == Shell::Fish {
            // A script of completions is read for its own command only, and this part is for `git`.
            let settings = path.ancestors().nth(2).map(|folder| folder.join("conf.d/git-session.fish"));
            files.extend(settings.map(|path| (path, FISH_GIT.to_owned())));
        }
        for (path, script) in files {
            user_files::write(&path, script.as_bytes())?;
            lines.push_str(&format!("wrote {}\n", path.display()));
        }
        if let (Shell::Zsh, Some(folder)) = (shell, path.parent()) {
            let folder = folder.display();
            lines.push_str(&format!("add this to ~/.zshrc, before compinit: fpath=('{folder}' $fpath)\n"));
        }
    }
    Ok(Report::new(Message::new(lines)))
}

/// The script, with what makes git's own completion ask it.
fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "git-session", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => {
            // The names of the commands are made of what the help calls the program, `git session`, and are
            // looked for by what the shell calls it.
            script = script.replace("git__subcmd__session__subcmd__", "git__session__subcmd__");
            script.push_str(include_str!("completion/git.bash"));
        }
        Shell::Fish => script.push_str(FISH_GIT),
        // zsh's completion of git calls the function `_git-session`, which is the name of the script.
        _ => {}
    }
    script
}

/// Where the shell looks for the script of a command.
fn place(context: &Context, shell: Shell) -> Result<PathBuf> {
    let environment = &context.environment;
    let home = user_files::home(context)?;
    let data = environment.folder("XDG_DATA_HOME", ".local/share").unwrap_or_else(|| home.join(".local/share"));
    Ok(match shell {
        Shell::Bash => {
            let folder = environment.variable("BASH_COMPLETION_USER_DIR").map(PathBuf::from);
            folder.unwrap_or_else(|| data.join("bash-completion")).join("completions/git-session")
        }
        Shell::Fish => {
            let config = environment.folder("XDG_CONFIG_HOME", ".config").unwrap_or_else(|| home.join(".config"));
            config.join("fish/completions/git-session.fish")
        }
        Shell::Zsh => data.join("zsh/site-functions/_git-session"),
        other => data.join(format!("git-session/completion.{other}")),
    })
}
