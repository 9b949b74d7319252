//! The bar that shows how far a long run is, where somebody watches.

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    capture::{Progress, Source},
    context::Context,
};

/// How many bytes are read without a bar: what takes no noticeable time needs none.
const QUIET_BYTES: u64 = 32 * 1024 * 1024;

/// A bar on standard error: logs, bytes, rate, agent.
pub(super) struct Bar {
    is_watched: bool,
    drawn: ProgressBar,
    logs: usize,
    read: usize,
}

impl Bar {
    pub(super) fn new(context: &Context) -> Self {
        Self { is_watched: context.is_watched, drawn: ProgressBar::hidden(), logs: 0, read: 0 }
    }
}

impl Progress for Bar {
    fn begin(&mut self, sources: &[Source]) {
        let bytes = sources.iter().map(|source| source.log.size).sum();
        self.logs = sources.len();
        if self.is_watched && bytes > QUIET_BYTES {
            let style = ProgressStyle::with_template(
                "{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {msg}",
            );
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            self.drawn = ProgressBar::new(bytes).with_style(style);
        }
    }

    fn advance(&mut self, source: &Source) {
        self.read += 1;
        self.drawn.set_message(format!("{}/{} logs, {}", self.read, self.logs, source.agent.title()));
        self.drawn.inc(source.log.size);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.drawn.finish_and_clear();
    }
}
