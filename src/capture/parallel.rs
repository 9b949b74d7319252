//! Reads many logs at once, on every core, within bounded memory.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use super::{Reader, Reading, Source};
use crate::error::Result;

/// How many sessions may wait to be stored while others are read.
const MAX_WAITING: usize = 4;

/// One log that was read.
#[derive(Debug)]
pub struct Step {
    /// The place of the log among those that were given.
    pub index: usize,
    /// The session, `None` where it belongs elsewhere.
    pub result: Result<Option<Reading>>,
}

/// Reads logs and hands each to `take` as soon as it is read, in no certain order.
///
/// # Errors
/// The first that `take` returns; what is being read then is left.
pub fn read_all(sources: &[Source], reader: &Reader<'_>, mut take: impl FnMut(Step) -> Result<()>) -> Result<()> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(sources.len());
    if workers < 2 {
        return sources
            .iter()
            .enumerate()
            .try_for_each(|(index, source)| take(Step { index, result: reader.read(source) }));
    }
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(MAX_WAITING);
        for _ in 0..workers {
            let (sender, next, reader) = (sender.clone(), &next, reader.clone());
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(source) = sources.get(index) else { return };
                    // The receiver is gone when storing failed.
                    if sender.send(Step { index, result: reader.read(source) }).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver.into_iter().try_for_each(&mut take)
    })
}
