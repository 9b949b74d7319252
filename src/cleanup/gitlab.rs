//! GitLab, in the cloud or self-hosted.

use super::{Provider, host};

/// GitLab CI.
pub(super) struct GitLab;

impl Provider for GitLab {
    fn name(&self) -> &'static str {
        "gitlab"
    }

    fn recognises(&self, url: &str) -> bool {
        host(url).is_some_and(|host| host.split('.').any(|part| part == "gitlab"))
    }

    fn permission_hint(&self) -> &'static str {
        "allow Git push requests with the CI/CD job token in the project's settings, or use a token with write_repository"
    }
}
