//! Any other host: cron, a timer, a person.

use super::{Job, Provider};

/// No CI in particular.
pub(super) struct Generic;

impl Provider for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn recognises(&self, _: &str) -> bool {
        true
    }

    fn permission_hint(&self) -> &'static str {
        "allow the user that pushes to delete references under refs/opensession/"
    }

    fn files(&self, job: &Job) -> Vec<(&'static str, String)> {
        let templates = [
            (".opensession/cleanup/crontab.example", include_str!("templates/generic-crontab.example")),
            (
                ".opensession/cleanup/opensession-cleanup.service.example",
                include_str!("templates/generic-service.example"),
            ),
            (".opensession/cleanup/opensession-cleanup.timer.example", include_str!("templates/generic-timer.example")),
        ];
        templates.map(|(path, template)| (path, job.filled(template, &[]))).into()
    }

    fn installs(&self) -> bool {
        false
    }

    fn next_steps(&self) -> &'static [&'static str] {
        &["install the line of cron, or the timer, where the repository is; both name /srv/git/project.git"]
    }
}
