//! The page in English.

use common::refusal::Refusal;

use super::Words;

pub(super) static WORDS: Words = Words {
    tag: "en",
    madang: "Madang",
    language: "Language",
    theme: "Brightness",
    theme_system: "System theme",
    theme_light: "Light",
    theme_dark: "Dark",

    welcome: "Come and talk",
    welcome_more: "Give a room a name and it is open. Whoever has the link can come in.",
    room_name: "Room name",
    room_name_hint: "Our class, lunch, …",
    open_room: "Go in",
    room_for_two: "Just for two",
    rooms: "Open rooms",
    rooms_loading: "Looking for rooms…",
    rooms_unreachable: "The rooms can't be loaded right now. Trying again in a moment.",
    no_rooms: "No room is open yet",
    no_rooms_more: "Open the first one and share its link.",
    people_count: |count| if count == 1 { "1 person".to_owned() } else { format!("{count} people") },
    nobody_here: "Nobody is here now",
    nothing_said: "Nothing said yet",
    just_now: "just now",
    seats: |taken, seats| format!("{taken} of {seats} seats taken"),

    name: "Name",
    your_name: "Your name",
    ask_name: "What should we call you?",
    ask_name_more: "This is the name people in the room see. You can change it at any time.",
    go_in: "Go in",
    change_name: "Change name",
    save: "Save",
    cancel: "Cancel",

    to_rooms: "Back to rooms",
    share: "Share link",
    link_copied: "Link copied",
    copy_this: "Copy this link and share it.",
    people: "People here",
    you: "you",
    close: "Close",
    empty_room: "Say hello",
    empty_room_more: "Share the link and others can come in.",
    messages_of: |room| format!("Conversation in {room}"),
    loading_older: "Loading earlier messages…",
    beginning: "This is where it began",
    new_messages: |count| {
        if count == 1 { "1 new message".to_owned() } else { format!("{count} new messages") }
    },
    to_the_end: "To the latest",

    message: "Message",
    message_hint: |room| format!("Message {room}"),
    send: "Send",
    too_long_by: |count| {
        if count == 1 { "1 character too many".to_owned() } else { format!("{count} characters too many") }
    },
    sending: "Sending…",
    waiting: "Waiting",
    waiting_unkept: "Waiting. Keep this window open until it is sent.",
    not_sent: "Not sent.",
    unconfirmed: |from| format!("unconfirmed · UDP {from}"),
    retry: "Send again",
    delete: "Delete",

    restarting: "The server is restarting. You will be back in a moment.",
    connecting: "Connecting…",
    offline: "You are offline. What you write is sent when the connection is back.",

    full: "Every seat is taken",
    full_more: |room| format!("There is no free seat in {room} right now."),
    full_waiting: "You go in as soon as one is free.",
    try_now: "Check now",
    not_let_in: "You can't go in",
    nowhere: "There is nothing here",
    nowhere_more: "The link may be cut off or mistyped.",
    unreachable: "The server can't be reached. Try again in a moment.",

    refusal,
};

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadRequest | Refusal::UnknownCommand => {
            "This page does not match its server. Reload it and try again."
        }
        Refusal::NameEmpty => "Write at least one letter.",
        Refusal::NameTooLong => "That name is too long: people have up to 32 characters, rooms 64.",
        Refusal::NameUnreadable => "That name holds invisible characters. Remove them and try again.",
        Refusal::RoomNameNotALink => "A room name can't hold a slash or be only dots.",
        Refusal::MessageEmpty => "Write at least one letter.",
        Refusal::MessageTooLong => "That message is too long: up to 4,000 characters can be sent.",
        Refusal::MessageUnreadable => "That message holds control characters that can't be sent.",
        Refusal::CidInvalid | Refusal::CidTaken => {
            "This message got another one's number. Delete it and write it again."
        }
        Refusal::SeatsInvalid => "A room can have 1 to 1,000 seats.",
        Refusal::RoomFull => "Every seat in this room is taken.",
        Refusal::NotInRoom => "Go into the room first.",
        Refusal::NoSuchRoom => "There is no such room.",
        Refusal::TooManyRooms => "You are in too many rooms at once. Leave one and try again.",
        Refusal::TooFast => "That was too fast. Wait a moment and try again.",
        Refusal::UnknownToken => "The server does not know this browser. Reload the page.",
        Refusal::ForeignOrigin => {
            "This address is not allowed here. The server needs to be started with --public-url."
        }
        Refusal::Unavailable => "The server is busy. Try again in a moment.",
        Refusal::NotStored => "The server's disk is full. Your message is kept here and tried again.",
        Refusal::Internal => "Something went wrong in the server. Try again in a moment.",
    }
}
