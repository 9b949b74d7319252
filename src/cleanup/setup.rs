//! Which files a repository needs for its jobs, and how they stand.

use std::path::Path;

use super::{
    CONFIG_PATH, Config, Job, PROVIDERS, Provider, generic,
    include::{self, Include},
    managed::{self, Managed, State},
    provider_of,
};
use crate::error::Result;

/// The files of a provider's jobs, and the lines that a person has to add somewhere.
pub struct Setup {
    /// The files, the configuration first.
    pub files: Vec<Managed>,
    /// Lines for a file that is somebody else's; empty where there are none to add.
    pub paste: String,
}

/// The provider of a name; `None` where there is none of it.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}

/// The provider that the remote's address tells, else what is in the work tree, else the one that serves
/// everywhere; and why.
#[must_use]
pub fn detect(root: &Path, url: Option<&str>) -> (&'static dyn Provider, String) {
    let of_url = url.map(provider_of).filter(|provider| provider.name() != generic::Generic.name());
    if let (Some(provider), Some(url)) = (of_url, url) {
        return (provider, format!("the remote is {url}"));
    }
    for provider in PROVIDERS.iter().copied() {
        if let Some(sign) = provider.sign().filter(|sign| root.join(sign).exists()) {
            return (provider, format!("there is {sign}"));
        }
    }
    let reason = match url {
        Some(url) => format!("cannot tell the provider from {url}, and there is neither .github nor .gitlab-ci.yml"),
        None => "there is no remote, and neither .github nor .gitlab-ci.yml".to_owned(),
    };
    (&generic::Generic, reason)
}

/// What the files that are there were made with.
#[must_use]
pub fn known_job(root: &Path, provider: &dyn Provider, wanted: &Job) -> Option<Job> {
    let paths = provider.files(wanted).into_iter().map(|(path, _)| path);
    paths.filter_map(|path| managed::read(root, path).ok().flatten()).find_map(|text| managed::made_with(&text))
}

/// The files as they should be, and how they stand.
///
/// # Errors
/// When one cannot be read.
pub fn setup(root: &Path, provider: &dyn Provider, config: &Config, job: &Job) -> Result<Setup> {
    let old = managed::read(root, CONFIG_PATH)?;
    let wanted = config.render(old.as_deref())?;
    let state = match &old {
        None => State::Missing,
        Some(old) if *old == wanted => State::Current,
        Some(_) => State::Outdated,
    };
    let mut files = vec![Managed::of(CONFIG_PATH, state, old.as_deref().unwrap_or_default(), wanted)];
    for (path, body) in provider.files(job) {
        files.push(match &job.install {
            None if provider.installs() => Managed::without_content(root, path)?,
            _ => Managed::look(root, path, managed::signed(job, &body))?,
        });
    }
    let mut paste = String::new();
    if !provider.included().is_empty() {
        match include::look(root, provider.included())? {
            Include::Ours(file) => files.push(file),
            Include::Paste(lines) => paste = lines,
        }
    }
    Ok(Setup { files, paste })
}
