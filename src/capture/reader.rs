//! Reads logs into what a ledger takes: from where the last capture stood, or from the beginning.

use std::path::Path;

use super::{
    Home, Source,
    checkpoint::{Checkpoints, Draft},
    explain_parse,
    log_snapshot::LogSnapshot,
    named,
    origin::{Noting, Origin},
    repository_identity::{belongs, log_at, look_at},
};
use crate::{
    agents::{self, Agent, Log, Warning},
    config::{Exclusions, Subject},
    error::Result,
    git::ObjectId,
    hail::{Canonical, ObjectHash},
    ledger::MAX_SESSION_BYTES,
    redact::{Redacted, RedactingSpool, Redactor},
};

/// What every log is read with.
#[derive(Clone)]
pub struct Reader<'r> {
    /// What tells whether a session belongs to this repository; without it every one does.
    pub home: Option<&'r Home>,
    /// What redacts them.
    pub redactor: &'r Redactor,
    /// Where earlier readings stood.
    pub checkpoints: Checkpoints,
}

/// A session that was read and redacted.
#[derive(Debug)]
pub struct Reading {
    /// The session.
    pub session: Redacted<Canonical>,
    /// Where the session worked.
    pub origin: Origin,
    /// What was odd about the log.
    pub warnings: Vec<Warning>,
    /// The blob of the stored session that it goes on from.
    pub continues: Option<ObjectId>,
    /// Where the next reading can go on, once the session is stored.
    pub checkpoint: Option<Draft>,
}

impl Reading {
    /// Whether the session of `source` is kept out: by its agent, its id, or a folder that it worked in.
    #[must_use]
    pub fn is_excluded(&self, source: &Source, exclude: &Exclusions) -> bool {
        let header = &self.session.value().header;
        let subject = source.subject(Some(&header.session_id));
        exclude.covers(&Subject { agent: &header.agent.tool, ..subject })
            || exclude.covers(&subject)
            || self.origin.folders().any(|folder| exclude.covers(&Subject { folder: Some(folder), ..subject }))
    }
}

impl Reader<'_> {
    /// Parses and redacts a log; `None` when the session belongs elsewhere.
    ///
    /// # Errors
    /// When the log cannot be read, or is too large for a ledger.
    pub fn read(&self, source: &Source) -> Result<Option<Reading>> {
        let is_part = source.log.part.is_some();
        if !is_part && let Some(reading) = self.read_on(source) {
            return Ok(Some(reading));
        }
        let (agent, sample) = look_at(source)?;
        if !self.home.map_or(Ok(true), |home| belongs(home, agent, source, &sample))? {
            return Ok(None);
        }
        let reading = if is_part { self.read_part(agent, source) } else { self.read_whole(agent, source) };
        reading.map(Some)
    }

    /// Reads what came since the checkpoint of a log; `None` where there is none, or where it does not do: then
    /// the log has to be read from the beginning.
    fn read_on(&self, source: &Source) -> Option<Reading> {
        let path = &source.log.path;
        let mark = self.checkpoints.load(source, self.redactor)?;
        let agent = agents::by_name(&mark.agent).ok()?;
        let mut snapshot = LogSnapshot::of(path).ok()?;
        let begin = mark.reading.parser.offset;
        let end = snapshot.line_end(begin).ok().filter(|end| *end >= begin)?;
        let [before, prefix] = snapshot.hash([begin, end]).ok()?;
        let is_same = before.to_string() == mark.prefix;
        let lines = is_same.then(|| self.checkpoints.lines(&mark)).flatten()?;
        let continues = self.checkpoints.session(&mark);
        // Without a new line nothing pauses, and the checkpoint stays where it is.
        let stays = (end == begin).then(|| Draft { prefix, reading: mark.reading.clone() });
        let (mut spool, pause) = self.redactor.spool_after(mark.reading, lines).ok()?;
        let mut log = Log::after(pause, snapshot.from(begin).ok()?, Some(path));
        log.pause_at = Some(end);
        let mut noting = Noting::new(&mut spool);
        let warnings = agent.parse(&mut log, &mut noting).ok()?;
        let origin = noting.origin();
        finish(path, spool, warnings, Some(prefix)).ok().map(|reading| {
            let checkpoint = reading.checkpoint.or(stays);
            Reading { origin, continues, checkpoint, ..reading }
        })
    }

    /// Reads a log from its beginning.
    fn read_whole(&self, agent: &'static dyn Agent, source: &Source) -> Result<Reading> {
        let path = &source.log.path;
        let mut snapshot = LogSnapshot::of(path)?;
        let end = snapshot.line_end(0).map_err(|fault| named(path, fault))?;
        let [prefix] = snapshot.hash([end]).map_err(|fault| named(path, fault))?;
        let is_worth_marking = self.checkpoints.is_worth(source, snapshot.size());
        let mut log = Log::new(snapshot.from(0).map_err(|fault| named(path, fault))?, Some(path));
        log.pause_at = is_worth_marking.then_some(end);
        let mut spool = self.redactor.spool();
        let mut noting = Noting::new(&mut spool);
        let warnings = agent.parse(&mut log, &mut noting).map_err(|fault| explain_parse(path, &fault))?;
        let origin = noting.origin();
        Ok(Reading { origin, ..finish(path, spool, warnings, Some(prefix))? })
    }

    /// Reads one session of a file that holds several.
    fn read_part(&self, agent: &'static dyn Agent, source: &Source) -> Result<Reading> {
        let path = &source.log.path;
        let mut spool = self.redactor.spool();
        let mut log = log_at(path, source.log.part.as_deref())?;
        let mut noting = Noting::new(&mut spool);
        let warnings = agent.parse(&mut log, &mut noting).map_err(|fault| explain_parse(path, &fault))?;
        let origin = noting.origin();
        Ok(Reading { origin, ..finish(path, spool, warnings, None)? })
    }
}

/// Puts together what was read. Of a log with one session, `prefix` is the hash of what was read of it up to
/// the pause.
fn finish(
    path: &Path,
    spool: RedactingSpool<'_>,
    warnings: Vec<Warning>,
    prefix: Option<ObjectHash>,
) -> Result<Reading> {
    let finished = spool.finish_paused().map_err(|fault| named(path, fault))?;
    let (session, paused) = finished.ok_or_else(|| named(path, "no event in it"))?;
    let size = session.value().size();
    if size > MAX_SESSION_BYTES {
        let fault = format!("the session has {size} bytes; the limit is {MAX_SESSION_BYTES}");
        return Err(named(path, fault).hinted(format!("git session parse --out FILE '{}'", path.display())));
    }
    let checkpoint = paused.zip(prefix).map(|(reading, prefix)| Draft { prefix, reading });
    Ok(Reading { session, origin: Origin::default(), warnings, continues: None, checkpoint })
}
