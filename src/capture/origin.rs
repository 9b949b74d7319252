//! Where a session worked, noted while its log is read: what is stored of it is redacted.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::Home;
use crate::hail::{Event, Header, Pause, Sink, attribute};

/// The folders and branches that a session worked in.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// As the header has them.
    folder: Option<PathBuf>,
    branch: Option<String>,
    remote: Option<String>,
    places: Vec<Place>,
    current: usize,
    events: usize,
}

/// A folder and a branch that the session was in at the same time; `None` for that of the header.
#[derive(Clone, Debug, Default)]
struct Place {
    folder: Option<PathBuf>,
    branch: Option<String>,
    /// The number of the last event there that changed a file, and of the last of all.
    last: (usize, usize),
}

impl Origin {
    /// The folders, as the log names them.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        let entered = self.places.iter().filter_map(|place| place.folder.as_deref());
        self.folder.as_deref().into_iter().chain(entered)
    }

    /// Whether the session worked in the repository, or in another clone of it.
    pub(super) fn is_of(&self, home: &Home) -> bool {
        self.is_of_clone(home) || self.folders().any(|folder| home.holds(folder))
    }

    /// The branch of the repository that the session was on when it last changed a file, else at its end.
    pub(super) fn branch(&self, home: &Home) -> Option<&str> {
        let is_of_clone = self.is_of_clone(home);
        let here = self.places.iter().filter_map(|place| {
            let folder = place.folder.as_ref().or(self.folder.as_ref());
            let branch = place.branch.as_ref().or(self.branch.as_ref())?;
            let is_here = is_of_clone || folder.is_none_or(|folder| home.holds(folder));
            is_here.then_some((place.last, branch.as_str()))
        });
        here.max_by_key(|(last, _)| *last).map(|(_, branch)| branch)
    }

    fn is_of_clone(&self, home: &Home) -> bool {
        self.remote.as_deref().is_some_and(|remote| home.has_remote(remote))
    }

    fn note_header(&mut self, header: &Header) {
        let attribute = |name| header.attribute(name).map(str::to_owned);
        self.folder = header.cwd().map(PathBuf::from);
        (self.branch, self.remote) = (attribute(attribute::GIT_BRANCH), attribute(attribute::GIT_REMOTE));
        self.places.resize(self.places.len().max(1), Place::default());
    }

    fn note_event(&mut self, event: &Event) {
        let attribute = |name| event.attributes.get(name).and_then(Value::as_str);
        let (folder, branch) = (attribute(attribute::CWD), attribute(attribute::GIT_BRANCH));
        if self.places.is_empty() || folder.is_some() || branch.is_some() {
            self.enter(folder.map(Path::new), branch);
        }
        self.events += 1;
        let place = &mut self.places[self.current];
        place.last.1 = self.events;
        if event.event_type.changed_path().is_some() {
            place.last.0 = self.events;
        }
    }

    fn enter(&mut self, folder: Option<&Path>, branch: Option<&str>) {
        let before = self.places.get(self.current);
        let folder = folder.or_else(|| before?.folder.as_deref()).map(Path::to_owned);
        let branch = branch.or_else(|| before?.branch.as_deref()).map(str::to_owned);
        let known = self.places.iter().position(|place| place.folder == folder && place.branch == branch);
        self.current = known.unwrap_or(self.places.len());
        if known.is_none() {
            self.places.push(Place { folder, branch, last: (0, 0) });
        }
    }
}

/// Notes where a session worked while it passes to another sink.
pub(super) struct Noting<'s> {
    sink: &'s mut dyn Sink,
    origin: Origin,
}

impl<'s> Noting<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, origin: Origin::default() }
    }

    pub(super) fn origin(self) -> Origin {
        self.origin
    }
}

impl Sink for Noting<'_> {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.origin.note_header(&header);
        self.sink.header(header)
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.origin.note_event(&event);
        self.sink.event(event)
    }

    fn pause(&mut self, pause: Pause) -> io::Result<()> {
        self.sink.pause(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::{Home, Noting};
    use crate::hail::{Agent, Content, Event, EventType, Header, Sink, Timestamp, attribute};

    struct Nowhere;

    impl Sink for Nowhere {
        fn header(&mut self, _: Header) -> std::io::Result<()> {
            Ok(())
        }

        fn event(&mut self, _: Event) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A folder and a branch that are entered, and whether a file is changed there.
    type Step = (&'static str, &'static str, bool);

    /// The branch of a session with a header and events.
    fn branch(header: (&str, &str), events: &[Step]) -> Option<String> {
        let mut nowhere = Nowhere;
        let mut noting = Noting::new(&mut nowhere);
        for (number, (folder, branch, is_change)) in events.iter().enumerate() {
            let kind =
                if *is_change { EventType::FileCreate { path: "a.txt".to_owned() } } else { EventType::UserMessage };
            let mut event = Event::new(number.to_string(), Timestamp::EPOCH, kind).with_content(Content::default());
            for (key, value) in [(attribute::CWD, folder), (attribute::GIT_BRANCH, branch)] {
                if !value.is_empty() {
                    event = event.with(key, *value);
                }
            }
            noting.event(event).expect("an event");
        }
        let agent = Agent { provider: String::new(), model: String::new(), tool: String::new(), tool_version: None };
        let mut new = Header::new("abcd".parse().expect("an id"), agent, Timestamp::EPOCH);
        for (key, value) in [(attribute::CWD, header.0), (attribute::GIT_BRANCH, header.1)] {
            if !value.is_empty() {
                new.context.attributes.insert(key, value.into());
            }
        }
        noting.header(new).expect("a header");
        noting.origin().branch(&Home::at("/srv/work")).map(str::to_owned)
    }

    #[test]
    fn the_branch_of_the_last_change_of_a_file_counts() {
        let header = ("/srv/work", "main");
        let cases: [(&[Step], Option<&str>); 8] = [
            (&[], Some("main")),
            (&[("", "", true)], Some("main")),
            (&[("", "main", true), ("", "topic", false)], Some("main")),
            (&[("", "main", true), ("", "topic", true)], Some("topic")),
            (&[("", "topic", true), ("", "main", true), ("", "topic", true)], Some("topic")),
            (&[("", "main", false), ("", "topic", false)], Some("topic")),
            // Another repository's branch is none of this one.
            (&[("", "topic", true), ("/other", "theirs", true)], Some("topic")),
            (&[("/other", "theirs", true), ("/srv/work/sub", "topic", false)], Some("topic")),
        ];
        for (events, expected) in cases {
            assert_eq!(branch(header, events).as_deref(), expected, "{events:?}");
        }
        assert_eq!(branch(("/other", "theirs"), &[("", "", true)]), None);
        assert_eq!(branch(("/srv/work", ""), &[("", "", true)]), None);
        assert_eq!(branch(("", "main"), &[("", "", true)]).as_deref(), Some("main"));
    }
}
