//! GitHub, in the cloud or self-hosted.

use super::{Install, Job, Provider, host};

/// GitHub Actions.
pub(super) struct GitHub;

impl Provider for GitHub {
    fn name(&self) -> &'static str {
        "github"
    }

    fn recognises(&self, url: &str) -> bool {
        host(url).is_some_and(|host| host.split('.').any(|part| part == "github" || part == "ghe"))
    }

    fn permission_hint(&self) -> &'static str {
        "grant the job's token `permissions: contents: write`"
    }

    fn files(&self, job: &Job) -> Vec<(&'static str, String)> {
        let install = match job.install {
            Some(Install::Release { .. }) => include_str!("templates/github-install-release.yml"),
            _ => include_str!("templates/github-install-cargo.yml"),
        };
        let templates = [
            (".github/workflows/opensession-cleanup.yml", include_str!("templates/github-cleanup.yml")),
            (".github/workflows/opensession-session-review.yml", include_str!("templates/github-session-review.yml")),
        ];
        templates.map(|(path, template)| (path, job.filled(template, &[("@INSTALL@", install)]))).into()
    }

    fn sign(&self) -> Option<&'static str> {
        Some(".github")
    }

    fn next_steps(&self) -> &'static [&'static str] {
        &["commit the files and push them to the default branch"]
    }
}
