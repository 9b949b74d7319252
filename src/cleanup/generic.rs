//! Any other host: cron, a timer, a person.

use super::Provider;

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
}
