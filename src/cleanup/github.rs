//! GitHub, in the cloud or self-hosted.

use super::{Provider, host};

/// GitHub Actions.
pub(super) struct GitHub;

impl Provider for GitHub {
    fn name(&self) -> &'static str {
        "github"
    }

    fn recognises(&self, url: &str) -> bool {
        host(url).is_some_and(|host| host.split('.').any(|part| part == "github"))
    }

    fn permission_hint(&self) -> &'static str {
        "grant the job's token `permissions: contents: write`"
    }
}
