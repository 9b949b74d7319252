//! The commands of people.
