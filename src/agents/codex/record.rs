//! The native records, borrowed from their line as far as possible.

use std::borrow::Cow;

use crate::hail::{Loose, Scanner};

/// One line. The bare format of 0.2x has no payload: there the line itself is one.
#[derive(Default)]
pub(super) struct Line<'a> {
    pub(super) timestamp: Cow<'a, str>,
    pub(super) kind: Cow<'a, str>,
    /// Its number in its thread, since 0.15x.
    pub(super) ordinal: Option<u64>,
    pub(super) payload: Option<Payload<'a>>,
}

impl<'a> Line<'a> {
    /// Reads a line; `None` where it is not one of a rollout.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut line = Self::default();
        let mut scanner = Scanner::new(text);
        scanner.object(|scanner, key| {
            match key {
                "timestamp" => line.timestamp = scanner.word()?,
                "type" => line.kind = scanner.word()?,
                "ordinal" => line.ordinal = scanner.raw()?.parse().ok(),
                "payload" if scanner.is_at_null() => scanner.skip()?,
                "payload" => line.payload.insert(Payload::default()).fill(scanner)?,
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        scanner.is_at_end().then_some(line)
    }
}

/// The fields of all frequent payloads in one, so that a line is read in a single pass. What may
/// have more than one shape stays raw.
#[derive(Default)]
pub(super) struct Payload<'a> {
    /// All of it.
    pub(super) raw: &'a str,
    pub(super) kind: Cow<'a, str>,
    pub(super) role: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) namespace: Cow<'a, str>,
    pub(super) call_id: Cow<'a, str>,
    pub(super) turn_id: Cow<'a, str>,
    pub(super) phase: Cow<'a, str>,
    pub(super) message: Loose<'a>,
    pub(super) text: Loose<'a>,
    pub(super) content: Option<&'a str>,
    pub(super) summary: Option<&'a str>,
    pub(super) arguments: Loose<'a>,
    pub(super) input: Loose<'a>,
    pub(super) output: Loose<'a>,
    pub(super) action: Option<&'a str>,
    pub(super) info: Option<&'a str>,
}

impl<'a> Payload<'a> {
    /// Reads a line of the bare format.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut payload = Self::default();
        let mut scanner = Scanner::new(text);
        payload.fill(&mut scanner)?;
        scanner.is_at_end().then_some(payload)
    }

    fn fill(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        self.raw = scanner.raw_object(|scanner, key| {
            match key {
                "type" => self.kind = scanner.word()?,
                "role" => self.role = scanner.word()?,
                "name" => self.name = scanner.word()?,
                "namespace" => self.namespace = scanner.word()?,
                "call_id" => self.call_id = scanner.word()?,
                "turn_id" => self.turn_id = scanner.word()?,
                "phase" => self.phase = scanner.word()?,
                "message" => self.message = scanner.loose()?,
                "text" => self.text = scanner.loose()?,
                "content" => self.content = unless_null(scanner.raw()?),
                "summary" => self.summary = unless_null(scanner.raw()?),
                "arguments" => self.arguments = scanner.loose()?,
                "input" => self.input = scanner.loose()?,
                "output" => self.output = scanner.loose()?,
                "action" => self.action = unless_null(scanner.raw()?),
                "info" => self.info = unless_null(scanner.raw()?),
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        Some(())
    }
}

fn unless_null(raw: &str) -> Option<&str> {
    Some(raw).filter(|raw| *raw != "null")
}
