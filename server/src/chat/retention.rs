//! Removes what is no longer kept: deleted rooms, rooms that nobody uses, and people who never did anything.
//!
//! A room in which something was said is deleted on command only. Whatever is removed here, the store
//! checks again that it is still unused.

use std::{sync::Weak, time::Duration};

use common::{message::Timestamp, refusal::Refusal, room::RoomName};
use parking_lot::MutexGuard;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::{Chat, Inner, room::Room, timestamp_now};
use crate::{error::Error, store};

/// How often unused rooms and people are looked for.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long a person who never wrote into a log and made no room is kept after they last came.
const UNUSED_PERSON_AGE_MS: i64 = 30 * 24 * 60 * 60 * 1000;

impl Chat {
    /// Deletes a room with its log, removes its members, and returns what it was. Its name is free at once; the
    /// log is removed from the disk in the background. The refusal is `no_such_room`.
    pub async fn delete_room(&self, name: &RoomName) -> Result<store::Room, Error> {
        let deleted = self.0.store.delete_room(name.clone()).await?;
        if let Some(room) = self.loaded_room(name) {
            let locked = room.lock();
            if locked.id == deleted.id {
                self.remove_deleted(locked);
            }
        }
        info!(room = name.as_str(), events = deleted.last_seq.0, "a room was deleted");
        if *name == RoomName::lobby() {
            self.create_lobby().await?;
        }
        let chat = self.clone();
        tokio::spawn(async move { chat.purge_deleted_rooms().await });
        Ok(deleted)
    }

    /// Removes the members of a deleted room, and the room from memory.
    pub(super) fn remove_deleted(&self, mut room: MutexGuard<'_, Room>) {
        room.delete();
        self.unload_if_empty(room);
    }

    async fn purge_deleted_rooms(&self) {
        loop {
            match self.0.store.purge_deleted_rooms().await {
                Ok(true) => {}
                Ok(false) => return,
                // The next round of the loop below tries again.
                Err(error) => return warn!("removing a deleted room: {}", error.into_refusal()),
            }
        }
    }

    /// Removes the rooms that nobody is in and in which nothing was ever said for a day.
    async fn evict_unused_rooms(&self, now: Timestamp) -> Result<(), Error> {
        loop {
            let unused = self.0.store.list_unused_rooms(now).await?;
            let found = unused.len();
            let rooms: Vec<RoomName> =
                unused.into_iter().filter(|name| self.loaded_room(name).is_none()).collect();
            // Rooms with members stay at the front of the list.
            if rooms.len() < found || rooms.is_empty() {
                self.0.store.evict_unused_rooms(rooms, now).await?;
                return Ok(());
            }
            self.0.store.evict_unused_rooms(rooms, now).await?;
        }
    }

    async fn expire_people(&self, now: Timestamp) -> Result<(), Error> {
        let before = Timestamp(now.0.saturating_sub(UNUSED_PERSON_AGE_MS));
        while self.0.store.expire_people(before).await? > 0 {}
        Ok(())
    }
}

/// Removes unused rooms and people now and then, until the chat is dropped.
pub(super) async fn run(chat: Weak<Inner>) {
    let mut rounds = tokio::time::interval(INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let Some(chat) = chat.upgrade().map(Chat) else { return };
        // A server that was stopped may have left the log of a deleted room.
        chat.purge_deleted_rooms().await;
        let now = timestamp_now();
        for result in [chat.evict_unused_rooms(now).await, chat.expire_people(now).await] {
            match result {
                Ok(()) | Err(Error::Refused(Refusal::Unavailable)) => {}
                Err(error) => warn!("removing what is unused: {}", error.into_refusal()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::{
        person::PersonId,
        protocol::command::{Command, Join},
    };

    use super::*;
    use crate::{
        address::ClientAddress,
        chat::{
            identity::Identity,
            test_support::{NullSubscriber, person, start_chat},
        },
    };

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_silent_room_is_kept_while_somebody_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let chat = start_chat(&folder).await;
        let name = RoomName::parse("quiet").unwrap();
        let identity = Identity { person: person(1), is_registered: false, first_seen: Timestamp(0) };
        let address = ClientAddress::new("127.0.0.1".parse().unwrap());
        let mut session = chat.open_session(&identity, std::sync::Arc::new(NullSubscriber), address);
        session.handle(Command::Join(Join::new(name.clone()))).await.unwrap();
        let tomorrow = Timestamp(timestamp_now().0 + 2 * DAY_MS);
        chat.evict_unused_rooms(tomorrow).await.unwrap();
        assert!(chat.find_room(name.clone()).await.is_ok());
        drop(session);
        chat.evict_unused_rooms(tomorrow).await.unwrap();
        assert!(chat.find_room(name).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_person_who_did_nothing_is_kept_for_a_month_after_they_last_came() {
        let folder = tempfile::tempdir().unwrap();
        let chat = start_chat(&folder).await;
        let now = timestamp_now().0;
        let person = person(1);
        let token = chat.register(&person).await.unwrap();
        let is_known = async || chat.person_by_token(Some(token.reveal())).await.unwrap().is_some();
        chat.expire_people(Timestamp(now + 29 * DAY_MS)).await.unwrap();
        assert!(is_known().await);
        chat.0.store.set_last_seen(PersonId(1), Timestamp(now + 20 * DAY_MS)).await.unwrap();
        chat.expire_people(Timestamp(now + 40 * DAY_MS)).await.unwrap();
        assert!(is_known().await);
        chat.expire_people(Timestamp(now + 51 * DAY_MS)).await.unwrap();
        assert!(!is_known().await);
    }
}
