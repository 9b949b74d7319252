//! GitLab, in the cloud or self-hosted.

use super::{Install, Job, Provider, host};

/// The file of the janitor's job, and that of the review's.
const FILES: [&str; 2] = [".gitlab/opensession-cleanup.yml", ".gitlab/opensession-session-review.yml"];

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

    fn files(&self, job: &Job) -> Vec<(&'static str, String)> {
        let (install, variables) = match job.install {
            Some(Install::Release { .. }) => (
                include_str!("templates/gitlab-install-release.yml"),
                "    INSTALL_URL: '@INSTALL_FROM@'\n    INSTALL_SHA256: '@INSTALL_PIN@'\n",
            ),
            _ => (
                include_str!("templates/gitlab-install-cargo.yml"),
                "    INSTALL_SOURCE: '@INSTALL_FROM@'\n    INSTALL_REVISION: '@INSTALL_PIN@'\n",
            ),
        };
        let blocks = [
            ("@INSTALL@", install),
            ("@INSTALL_VARIABLES@", variables),
            ("@REMOTE@", include_str!("templates/gitlab-remote.yml")),
        ];
        let templates = [
            (FILES[0], include_str!("templates/gitlab-cleanup.yml")),
            (FILES[1], include_str!("templates/gitlab-session-review.yml")),
        ];
        templates.map(|(path, template)| (path, job.filled(template, &blocks))).into()
    }

    fn included(&self) -> &'static [&'static str] {
        &FILES
    }

    fn sign(&self) -> Option<&'static str> {
        Some(".gitlab-ci.yml")
    }

    fn next_steps(&self) -> &'static [&'static str] {
        &[
            "commit the files and push them to the default branch",
            "add a pipeline schedule under Build, Pipeline schedules, such as 17 3 * * *",
            "for the comment, add the masked variable OPENSESSION_TOKEN with a project access token (api, write_repository)",
        ]
    }
}
