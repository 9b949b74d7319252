//! What a person decides when the hooks are installed: where sessions go, and what commit messages say of them.
//! It is asked once, on a terminal, and kept in the configuration of the repository.

use super::remotes;
use crate::{
    attribution::{Attribution, TrailerKind},
    config::{self, Config, Destination},
    context::Context,
    error::{Error, Result},
    git::{ConfigScope, Repository},
    system::prompt,
};

/// What the command line says.
#[derive(Clone, Copy, Default)]
pub(super) struct Given<'a> {
    /// The remotes that sessions may go to.
    pub(super) remotes: &'a [String],
    /// Where the sessions of a push go.
    pub(super) destination: Option<&'a str>,
    /// The trailers.
    pub(super) trailers: Option<&'a str>,
    /// Whether a person may be asked for the rest.
    pub(super) may_ask: bool,
}

/// What is to be set; `None` for what stays as it is.
#[derive(Default)]
pub(super) struct Choices {
    destination: Option<Destination>,
    remotes: Option<Vec<String>>,
    trailers: Option<Vec<TrailerKind>>,
}

impl Choices {
    /// Decides, and asks where that is possible. Nothing is set yet.
    pub(super) fn settle(context: &Context, config: &Config, given: Given<'_>) -> Result<Self> {
        let repository = context.repository()?;
        let may_ask = given.may_ask && context.is_interactive;
        let trailers = given.trailers.map(parse_trailers).transpose()?;
        let known = repository.remotes();
        let named =
            (!given.remotes.is_empty()).then(|| remotes::checked(&known, given.remotes.to_vec())).transpose()?;
        let destination = match given.destination {
            Some(value) => Some(parse_destination(value, &known)?),
            None if is_destination_set(repository) => None,
            None if may_ask => Some(ask_destination(&known, &config.destination)?),
            None => Some(config.destination.clone()),
        };
        let goes_along = *destination.as_ref().unwrap_or(&config.destination) == Destination::SameRemote;
        let remotes = match named {
            Some(named) => Some(named),
            None if !goes_along || known.is_empty() || config.remotes.is_some() => None,
            None => Some(remotes::choose(repository, &known, may_ask)?),
        };
        let trailers = match trailers {
            None if may_ask && repository.config(config::TRAILERS).is_none() => Some(ask_trailers(goes_along)?),
            trailers => trailers,
        };
        Ok(Self { destination, remotes, trailers })
    }

    /// Keeps what was decided in the configuration of the repository.
    pub(super) fn save(&self, repository: &Repository) -> Result<()> {
        if let Some(destination) = &self.destination {
            repository.set_config(config::DESTINATION, &destination.to_string())?;
        }
        if let Some(names) = &self.remotes {
            // There may be a value a line.
            repository.unset_config(config::REMOTES)?;
            repository.set_config(config::REMOTES, &names.join(","))?;
        }
        if let Some(kinds) = &self.trailers {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            repository.set_config(config::TRAILERS, &names.join(","))?;
        }
        Ok(())
    }
}

/// Whether the repository itself says where its sessions go.
fn is_destination_set(repository: &Repository) -> bool {
    let values = repository.config_scoped("opensession", "destination");
    values.iter().any(|(scope, _)| matches!(scope, ConfigScope::Repository | ConfigScope::WorkTree))
}

fn parse_trailers(list: &str) -> Result<Vec<TrailerKind>> {
    TrailerKind::parse_list(list).map_err(|fault| {
        Error::usage(format!("--trailers: {fault}"))
            .hinted(format!("git session hooks install --trailers {}", TrailerKind::default_list()))
    })
}

fn parse_destination(value: &str, known: &[String]) -> Result<Destination> {
    let destination: Destination = value.parse().map_err(|fault| {
        Error::usage(format!("--destination: {fault}")).hinted("git session hooks install --destination same-remote")
    })?;
    if let Destination::Remote(name) = &destination {
        remotes::checked(known, vec![name.clone()])?;
    }
    Ok(destination)
}

fn ask_destination(known: &[String], default: &Destination) -> Result<Destination> {
    prompt::explain(
        "\nA session holds what was typed, read and printed while an agent worked. Rules take secrets out of it, and \
         do not\nfind every one. Where it is pushed, everybody who can read that repository can read the session, \
         and what was\nfetched once cannot be taken back.\n\n  \
         same-remote    to the remote that is pushed to, with the commits that name the sessions\n  \
         remote:<name>  to another remote of this repository, such as one that only your team can read\n  \
         local          nowhere: sessions stay in this clone\n",
    )?;
    loop {
        let answer = prompt::ask(&format!("Where may the sessions of a push go? [{default}]"))?;
        if answer.is_empty() {
            return Ok(default.clone());
        }
        match parse_destination(&answer, known) {
            Ok(destination) => return Ok(destination),
            Err(fault) => prompt::explain(fault.message())?,
        }
    }
}

fn ask_trailers(default: bool) -> Result<Vec<TrailerKind>> {
    let example = Attribution {
        session: "7c1f2a9e-3b54-4d0e-9a61-0f5d2c8b7e10".parse().map_err(Error::user)?,
        tool: "claude-code".to_owned(),
        tool_version: Some("2.1.42".to_owned()),
        model: "claude-opus-4-6".to_owned(),
        prompt: Some("Greet people by name, and say hello to the world when nobody is named".to_owned()),
    };
    prompt::explain(&format!(
        "\nA commit names its sessions at the end of its message:\n\n    {}\n\n\
         AI-Prompt has the first words of your prompt. They are in the history of the repository for ever, for \
         everybody who can\nread it.\n",
        example.trailers(&TrailerKind::DEFAULT).join("\n    ")
    ))?;
    let wants_prompt = prompt::confirm("Write the first words of prompts into commit messages?", default)?;
    Ok(if wants_prompt { TrailerKind::DEFAULT.to_vec() } else { TrailerKind::WITHOUT_PROMPT.to_vec() })
}
