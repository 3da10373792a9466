//! A bounded queue of what one client is still to be sent, over a line connection or an event stream.
//!
//! Rooms push into it without waiting, and the client's own task, the only consumer, takes items
//! out. A client that stops reading costs no more than the bounds. Long-polling waits in the queue
//! of the Socket.IO library, and a WebSocket in the write buffer of its [`super::raw_socket`].

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::raw_socket::MAX_QUEUED_BYTES;
use crate::chat::broadcast::Lagged;

/// The largest number of items in one queue; their bytes are bounded by [`MAX_QUEUED_BYTES`].
const MAX_QUEUED_ITEMS: usize = 256;

/// A bounded queue with one consumer.
pub(super) struct Queue<T> {
    when_full: WhenFull,
    state: Mutex<State<T>>,
    /// Wakes the consumer when an item was added or the queue was closed.
    changed: Notify,
    /// Wakes [`Queue::closed`]. It has its own `Notify`, because it would steal wake-ups of `changed`.
    closed: Notify,
}

/// What a push does when there is no room for the item.
#[derive(Clone, Copy, Debug)]
pub(super) enum WhenFull {
    /// Closes the queue: the consumer has missed an item and must not see later ones.
    Close,
    /// Drops the waiting items and keeps the new one: the consumer notices the gap and fills it.
    Clear,
}

struct State<T> {
    /// Each item with its bytes.
    items: VecDeque<(T, usize)>,
    bytes: usize,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(when_full: WhenFull) -> Queue<T> {
        Queue {
            when_full,
            state: Mutex::new(State { items: VecDeque::new(), bytes: 0, is_closed: false }),
            changed: Notify::new(),
            closed: Notify::new(),
        }
    }

    /// Adds an item that takes this many bytes. Fails if the queue is closed, also by this push.
    pub(super) fn push(&self, item: T, bytes: usize) -> Result<(), Lagged> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(Lagged);
        }
        if state.is_full_for(bytes) {
            state.clear();
            if matches!(self.when_full, WhenFull::Close) {
                drop(state);
                self.close();
                return Err(Lagged);
            }
        }
        state.items.push_back((item, bytes));
        state.bytes += bytes;
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next item; `None` when the queue is closed and empty. Cancel safe.
    pub(super) async fn pop(&self) -> Option<T> {
        loop {
            {
                let mut state = self.state.lock();
                let item = state.pop();
                if item.is_some() || state.is_closed {
                    return item;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Waits for items and takes up to `max` of them; none when the queue is closed and empty. Cancel safe.
    pub(super) async fn pop_many(&self, max: usize) -> Vec<T> {
        loop {
            {
                let mut state = self.state.lock();
                let items = state.pop_many(max);
                if !items.is_empty() || state.is_closed {
                    return items;
                }
            }
            self.changed.notified().await;
        }
    }

    /// Takes up to `max` of the waiting items.
    pub(super) fn try_pop_many(&self, max: usize) -> Vec<T> {
        self.state.lock().pop_many(max)
    }

    /// Refuses further items. The consumer still gets those that wait.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
        self.closed.notify_waiters();
    }

    /// Waits until the queue is closed.
    pub(super) async fn closed(&self) {
        // Created before the check, because it is woken only from its creation on.
        let closed = self.closed.notified();
        if !self.state.lock().is_closed {
            closed.await;
        }
    }
}

impl<T> State<T> {
    /// Whether there is no room for an item. An empty queue takes an item of any size.
    fn is_full_for(&self, bytes: usize) -> bool {
        !self.items.is_empty()
            && (self.items.len() >= MAX_QUEUED_ITEMS || self.bytes + bytes > MAX_QUEUED_BYTES)
    }

    /// Drops all items and their memory.
    fn clear(&mut self) {
        self.items = VecDeque::new();
        self.bytes = 0;
    }

    fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }

    fn pop_many(&mut self, max: usize) -> Vec<T> {
        std::iter::from_fn(|| self.pop()).take(max).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::{Duration, timeout};

    use super::*;

    fn queue(when_full: WhenFull, items: impl IntoIterator<Item = usize>) -> Queue<usize> {
        let queue = Queue::new(when_full);
        items.into_iter().for_each(|item| queue.push(item, 1).unwrap());
        queue
    }

    #[tokio::test]
    async fn items_come_out_in_the_order_in_which_they_went_in() {
        let queue = queue(WhenFull::Close, 0..5);
        assert_eq!(queue.pop().await, Some(0));
        assert_eq!(queue.pop_many(2).await, [1, 2]);
        assert_eq!(queue.try_pop_many(9), [3, 4]);
        assert!(queue.try_pop_many(9).is_empty());
    }

    #[test]
    fn a_full_queue_that_closes_refuses_the_item_and_all_later_ones() {
        let by_count = queue(WhenFull::Close, 0..MAX_QUEUED_ITEMS);
        let by_bytes = queue(WhenFull::Close, [0]);
        by_bytes.push(1, MAX_QUEUED_BYTES - 1).unwrap();
        for queue in [by_count, by_bytes] {
            assert_eq!(queue.push(2, 1), Err(Lagged));
            assert!(queue.try_pop_many(usize::MAX).is_empty());
            assert_eq!(queue.push(3, 1), Err(Lagged));
        }
    }

    #[test]
    fn a_full_queue_that_clears_keeps_only_the_new_item() {
        let by_count = queue(WhenFull::Clear, 0..MAX_QUEUED_ITEMS);
        let by_bytes = queue(WhenFull::Clear, [0]);
        by_bytes.push(1, MAX_QUEUED_BYTES - 1).unwrap();
        for queue in [by_count, by_bytes] {
            queue.push(2, 1).unwrap();
            queue.push(3, 1).unwrap();
            assert_eq!(queue.try_pop_many(usize::MAX), [2, 3]);
        }
    }

    #[test]
    fn what_was_taken_out_makes_room() {
        let queue = queue(WhenFull::Close, 0..MAX_QUEUED_ITEMS);
        assert_eq!(queue.try_pop_many(1).len(), 1);
        queue.push(0, MAX_QUEUED_BYTES - (MAX_QUEUED_ITEMS - 1)).unwrap();
        assert_eq!(queue.push(0, 0), Err(Lagged));
    }

    #[test]
    fn an_empty_queue_takes_an_item_of_any_size() {
        for when_full in [WhenFull::Close, WhenFull::Clear] {
            let queue = queue(when_full, []);
            queue.push(7, 2 * MAX_QUEUED_BYTES).unwrap();
            assert_eq!(queue.try_pop_many(1), [7]);
        }
    }

    #[tokio::test]
    async fn after_closing_the_rest_comes_out_and_then_the_end() {
        let queue = queue(WhenFull::Clear, [1]);
        queue.close();
        assert_eq!(queue.push(2, 1), Err(Lagged));
        assert_eq!(queue.pop().await, Some(1));
        assert_eq!(queue.pop().await, None);
        assert!(queue.pop_many(9).await.is_empty());
        queue.closed().await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_and_the_end_wake_a_consumer_that_waits() {
        let queue = Arc::new(queue(WhenFull::Close, []));
        let consumer = tokio::spawn({
            let queue = queue.clone();
            async move {
                let popped = async { (queue.pop().await, queue.pop_many(9).await) };
                // Waiting for the end must not steal the wake-ups of the items.
                tokio::join!(queue.closed(), popped).1
            }
        });
        for item in 1..=2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            queue.push(item, 1).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!consumer.is_finished());
        queue.close();
        let popped = timeout(Duration::from_secs(1), consumer).await.unwrap().unwrap();
        assert_eq!(popped, (Some(1), vec![2]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_loses_nothing() {
        let queue = queue(WhenFull::Close, []);
        assert!(timeout(Duration::from_millis(1), queue.pop()).await.is_err());
        queue.push(1, 1).unwrap();
        assert_eq!(timeout(Duration::from_secs(1), queue.pop()).await, Ok(Some(1)));
    }
}
