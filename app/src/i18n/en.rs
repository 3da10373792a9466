//! The page in English.

use common::refusal::Refusal;

use super::Words;
use crate::{
    components::shortcuts::Shortcut,
    settings::{Choice, Setting},
    state::notice::Level,
    when::number,
};

pub(super) static WORDS: Words = Words {
    tag: "en",
    own_name: "English",
    madang: "Madang",
    language: "Language",
    settings: "Settings",
    setting,
    choice,

    welcome: "Come and talk",
    welcome_more: "Give a room a name and it is open. Whoever has the link can come in.",
    room_name: "Room name",
    room_name_hint: "Our class, lunch, …",
    open_room: "Go in",
    new_room: "Its topic and seats",
    topic: "Topic",
    topic_hint: "What is it about?",
    seats_field: "Seats",
    seats_unlimited: "No limit",
    rooms: "Open rooms",
    rooms_loading: "Looking for rooms…",
    rooms_unreachable: "The rooms can't be loaded right now. Trying again in a moment.",
    no_other_rooms: "No other room is open.",
    no_rooms: "No room is open yet",
    no_rooms_more: "Open the first one and share its link.",
    people_count: |count| {
        if count == 1 { "1 person".to_owned() } else { format!("{} people", number(count as usize, "en")) }
    },
    nobody_here: "Nobody is here now",
    nothing_said: "Nothing said yet",
    just_now: "just now",
    seats: |taken, seats| {
        format!("{} of {} seats taken", number(taken as usize, "en"), number(seats.into(), "en"))
    },

    name: "Name",
    your_name: "Your name",
    ask_name: "What should we call you?",
    ask_name_more: "This is the name people in the room see. You can change it at any time.",
    go_in: "Go in",
    change_name: "Change name",
    save: "Save",
    cancel: "Cancel",

    to_rooms: "Back to rooms",
    share: "Share",
    link: "Link",
    copy_link: "Copy link",
    link_copied: "Link copied",
    qr_code: "The link as a QR code",
    share_by_device: "Share…",
    switch_room: "Go to a room",
    open_new: |room| format!("Open “{room}”"),
    shortcuts: "Keyboard shortcuts",
    shortcut,
    notices: "Notifications in this room",
    notices_on: "Turn notifications on",
    notices_denied: "Your browser shows no notifications of this page. Allow them in its settings for this site.",
    level,
    my_rooms: "Your rooms",
    draft: "Draft",
    typing_here: "Somebody is typing…",
    typing: |names| match names {
        [one] => format!("{one} is typing…"),
        [one, two] => format!("{one} and {two} are typing…"),
        _ => "Several people are typing…".to_owned(),
    },
    away: "away",
    about_room: "About this room",
    leave: "Leave room",
    leave_seat: "Every seat is taken. When you leave, somebody else may take yours.",
    leave_anyway: "Leave all the same",
    tell_me: "Tell me when a seat is free",
    page_too_old: "A new version is here. What you are writing stays.",
    reload: "Reload",
    unread: |count| format!("{count} unread"),
    mentions: |count| {
        if count == 1 {
            "1 mention of you".to_owned()
        } else {
            format!("{} mentions of you", number(count as usize, "en"))
        }
    },
    people: "People here",
    remove: "Remove",
    ask_remove: "Remove this person?",
    remove_more: "They can't come back for ten minutes.",
    you: "you",
    close: "Close",
    empty_room: "Say hello",
    empty_room_more: "Share the link and others can come in.",
    messages_of: |room| format!("Conversation in {room}"),
    loading_older: "Loading earlier messages…",
    beginning: "This is where it began",
    new_messages: |count| {
        if count == 1 { "1 new message".to_owned() } else { format!("{} new messages", number(count, "en")) }
    },
    to_the_end: "To the latest",
    to_first_unread: "To what is new",
    unread_line: "New",
    honorific: "",
    came_and_left: |came, left| match (came, left) {
        (came, "") => format!("{came} joined"),
        ("", left) => format!("{left} left"),
        (came, left) => format!("{came} joined; {left} left"),
    },
    topic_changed: |who, topic| match topic {
        "" => format!("{who} took the topic away"),
        topic => format!("{who} changed the topic to “{topic}”"),
    },
    seats_changed: |who, seats| format!("{who} changed the seats to {seats}"),
    seats_lifted: |who| format!("{who} lifted the limit of seats"),

    message: "Message",
    message_hint: |room| format!("Message {room}"),
    send: "Send",
    left: |left| {
        let (count, word) = (left.unsigned_abs(), if left < 0 { "too many" } else { "left" });
        let unit = if count == 1 { "character" } else { "characters" };
        format!("{} {unit} {word}", number(count, "en"))
    },
    replying: |name| format!("Reply to {name}"),
    editing: "Edit message",
    edited_deleted: "The message you were editing was deleted. Your text can be sent as a new one.",
    no_files_yet: "Files can't be sent here yet.",
    suggestions: "Suggestions",
    suggested: |count| if count == 1 { "1 suggestion".to_owned() } else { format!("{count} suggestions") },
    sending: "Sending…",
    waiting: "Waiting",
    waiting_unkept: "Waiting. Keep this window open until it is sent.",
    not_sent: "Not sent.",
    unconfirmed: |from| format!("unconfirmed · UDP {from}"),
    retry: "Send again",
    delete: "Delete",

    edited: "edited",
    deleted: "This message was deleted",
    earlier_message: "An earlier message",
    to_quoted: "Go to that message",
    show_more: "Show more",
    show_less: "Show less",
    code: "Code",
    copy: "Copy",
    copy_text: "Copy text",
    copied: "Copied",
    not_copied: "This browser does not let us copy",
    message_actions: "What to do with the message",
    react: "React",
    reply: "Reply",
    edit: "Edit",
    ask_delete: "Delete this message?",
    delete_more: "It goes away for everybody, for good.",
    not_changed: "Not changed.",
    try_again: "Try again",
    and_more: |names, more| match more {
        1 => format!("{names} and 1 other"),
        _ => format!("{names} and {} others", number(more, "en")),
    },
    insert_emoji: "Insert an emoji",
    find_emoji: "Find an emoji",
    no_such_emoji: "There is no such emoji",
    emoji_loading: "Fetching the emoji…",
    emoji_lately: "Recent",
    emoji_groups: [
        "Faces and feelings",
        "People",
        "Animals and nature",
        "Food",
        "Travel and places",
        "Activities",
        "Things",
        "Signs",
        "Flags",
    ],

    restarting: "The server is restarting. You will be back in a moment.",
    connecting: "Connecting…",
    offline: "You are offline. What you write is sent when the connection is back.",

    full: "Every seat is taken",
    full_more: |room| format!("There is no free seat in {room} right now."),
    full_waiting: "You go in as soon as one is free.",
    seat_free: |room| format!("A seat is free in {room}"),
    try_now: "Check now",
    not_let_in: "You can't go in",
    removed: "You were removed from this room",
    nowhere: "There is nothing here",
    nowhere_more: "The link may be cut off or mistyped.",
    unreachable: "The server can't be reached. Try again in a moment.",

    refusal,
    too_long: |most| format!("That is too long: up to {} characters.", number(most, "en")),
};

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadRequest | Refusal::UnknownCommand => {
            "This page does not match its server. Reload it and try again."
        }
        Refusal::NameEmpty => "Write at least one letter.",
        Refusal::NameTooLong => "That is too long. Make it shorter and try again.",
        Refusal::NameUnreadable => "That holds invisible characters. Remove them and try again.",
        Refusal::RoomNameNotALink => "A room name can't hold a slash or be only dots.",
        Refusal::MessageEmpty => "Write at least one letter.",
        Refusal::MessageTooLong => "That message is too long: up to 4,000 characters can be sent.",
        Refusal::MessageUnreadable => "That message holds control characters that can't be sent.",
        Refusal::CidInvalid | Refusal::CidTaken => {
            "This message got another one's number. Delete it and write it again."
        }
        Refusal::EmojiInvalid => "A reaction is one emoji.",
        Refusal::SeatsInvalid => "A room can have 1 to 1,000 seats.",
        Refusal::RoomFull => "Every seat in this room is taken.",
        Refusal::NotInRoom => "Go into the room first.",
        Refusal::Removed => "Its owner removed you. You can come back in ten minutes.",
        Refusal::NoSuchRoom => "There is no such room.",
        Refusal::NoSuchMessage => "That message is gone.",
        Refusal::NotYours => "Only whoever it belongs to can do that.",
        Refusal::TooManyReactions => "That message has all the reactions it can have.",
        Refusal::NoMoreRooms => "This server has no place for another room.",
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

fn setting(setting: Setting) -> &'static str {
    match setting {
        Setting::Theme => "Theme",
        Setting::Text => "Text size",
        Setting::Motion => "Motion",
        Setting::Enter => "Enter key",
        Setting::Sound => "Sound",
        Setting::Notices => "Notifications",
    }
}

fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::System => "System",
        Choice::Light => "Light",
        Choice::Dark => "Dark",
        Choice::Middle => "Medium",
        Choice::Small => "Small",
        Choice::Large => "Large",
        Choice::Largest => "Largest",
        Choice::Less => "Reduced",
        Choice::Usual => "Automatic",
        Choice::Sends => "Sends",
        Choice::Breaks => "New line",
        Choice::Off => "Off",
        Choice::On => "On",
    }
}

fn shortcut(shortcut: Shortcut) -> &'static str {
    match shortcut {
        Shortcut::Send => "Send",
        Shortcut::Break => "New line",
        Shortcut::SendAlways => "Send, whatever Enter does",
        Shortcut::EditLast => "Edit your last message",
        Shortcut::Escape => "Close or cancel",
        Shortcut::Complete => "Complete a name or an emoji",
        Shortcut::Bold => "Bold",
        Shortcut::Italic => "Italic",
        Shortcut::Strike => "Strike through",
        Shortcut::Code => "Code",
        Shortcut::Messages => "Choose a message and act on it",
        Shortcut::Reply => "Reply to the chosen message",
        Shortcut::FirstUnread => "The first unread message",
        Shortcut::Switch => "Go to a room",
        Shortcut::Move => "The room above or below",
        Shortcut::MoveUnread => "The next unread room",
        Shortcut::Help => "This list",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Everything => "Everything",
        Level::Mentions => "When I am mentioned",
        Level::Nothing => "Nothing",
    }
}
