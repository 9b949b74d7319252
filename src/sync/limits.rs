//! What the hosts of remotes take: how large a file and a push may be, and how many references may
//! go at once. The table is all that is known of any host; settings override it.

use crate::{
    config::{self, MAX_BLOB_SIZE, MAX_PUSH_REFERENCES, MAX_PUSH_SIZE},
    error::Result,
    git::Repository,
};

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// What one host takes; `None` is no limit that is known.
struct Host {
    /// Its domain; what is below it counts too.
    domain: &'static str,
    /// The largest file, in bytes.
    blob: Option<u64>,
    /// The largest push, in bytes.
    push: Option<u64>,
    /// The most references in one push.
    references: Option<u64>,
}

/// The hosts, as their own documentation has it. Where a host counts in powers of ten or does not
/// say, the smaller reading is taken. GitLab's limit of a file is that of its free tier.
static HOSTS: [Host; 7] = [
    Host { domain: "github.com", blob: Some(100 * MIB), push: Some(2 * GIB), references: None },
    Host { domain: "ghe.com", blob: Some(100 * MIB), push: Some(2 * GIB), references: None },
    Host { domain: "gitlab.com", blob: Some(100 * MIB), push: Some(5_000_000_000), references: None },
    Host { domain: "bitbucket.org", blob: Some(100_000_000), push: Some(3_500_000_000), references: None },
    Host { domain: "dev.azure.com", blob: None, push: Some(5_000_000_000), references: None },
    Host { domain: "visualstudio.com", blob: None, push: Some(5_000_000_000), references: None },
    Host { domain: "amazonaws.com", blob: None, push: None, references: Some(4000) },
];

/// What a remote takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Who says so, for messages: the host, or the remote's name where a setting does.
    pub(super) by: String,
    /// The largest file, in bytes.
    pub(super) blob: Option<u64>,
    /// The largest push, in bytes.
    pub(super) push: Option<u64>,
    /// The most references in one push.
    pub(super) references: Option<u64>,
}

impl Limits {
    /// What `remote`, a name or a URL, takes.
    ///
    /// # Errors
    /// When a setting has no meaning.
    pub(super) fn of(repository: &Repository, remote: &str) -> Result<Self> {
        let domain = repository.push_host(remote).unwrap_or_default().to_ascii_lowercase();
        let host = find(&domain);
        let set_blob = config::limit(repository, MAX_BLOB_SIZE)?;
        let set_push = config::limit(repository, MAX_PUSH_SIZE)?;
        let set_references = config::limit(repository, MAX_PUSH_REFERENCES)?;
        Ok(Self {
            by: if host.is_some() && set_blob.is_none() { domain } else { remote.to_owned() },
            blob: set_blob.unwrap_or(host.and_then(|host| host.blob)),
            push: set_push.unwrap_or(host.and_then(|host| host.push)),
            references: set_references.unwrap_or(host.and_then(|host| host.references)),
        })
    }
}

fn find(domain: &str) -> Option<&'static Host> {
    let is_of =
        |host: &&Host| domain.strip_suffix(host.domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    HOSTS.iter().find(is_of)
}

#[cfg(test)]
mod tests {
    use super::{MIB, find};

    #[test]
    fn knows_a_host_by_its_domain_and_nobody_by_a_similar_one() {
        let blob = |domain| find(domain).and_then(|host| host.blob);
        assert_eq!(blob("github.com"), Some(100 * MIB));
        assert_eq!(blob("ssh.github.com"), Some(100 * MIB));
        assert_eq!(blob("notgithub.com"), None);
        assert_eq!(blob("github.com.example.org"), None);
        assert_eq!(blob(""), None);
    }
}
