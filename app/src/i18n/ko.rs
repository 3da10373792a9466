//! The page in Korean.

use common::refusal::Refusal;

use super::Words;

pub(super) static WORDS: Words = Words {
    tag: "ko",
    madang: "마당",
    language: "언어",
    theme: "화면 밝기",
    theme_system: "밝기 자동",
    theme_light: "밝게",
    theme_dark: "어둡게",

    welcome: "모여서 이야기해요",
    welcome_more: "방 이름만 정하면 바로 열려요. 링크를 받은 사람은 누구나 들어올 수 있어요.",
    room_name: "방 이름",
    room_name_hint: "예: 우리 반, 점심 모임",
    open_room: "들어가기",
    room_for_two: "둘이서만 쓰기",
    rooms: "열린 방",
    rooms_loading: "방을 찾고 있어요…",
    rooms_unreachable: "지금은 방 목록을 불러올 수 없어요. 곧 다시 해 볼게요.",
    no_rooms: "아직 열린 방이 없어요",
    no_rooms_more: "첫 방을 열고 링크를 나눠 보세요.",
    people_count: |count| format!("{count}명"),
    nobody_here: "지금은 아무도 없어요",
    nothing_said: "아직 대화가 없어요",
    just_now: "방금",
    seats: |taken, seats| format!("자리 {seats}개 중 {taken}개 참"),

    name: "이름",
    your_name: "내 이름",
    ask_name: "뭐라고 부를까요?",
    ask_name_more: "방에 있는 사람들에게 보이는 이름이에요. 언제든 바꿀 수 있어요.",
    go_in: "들어가기",
    change_name: "이름 바꾸기",
    save: "저장",
    cancel: "취소",

    to_rooms: "방 목록으로",
    share: "링크 나누기",
    link_copied: "링크를 복사했어요",
    copy_this: "이 링크를 복사해서 나눠 주세요.",
    people: "여기 있는 사람",
    you: "나",
    close: "닫기",
    empty_room: "첫인사를 건네 보세요",
    empty_room_more: "링크를 나누면 다른 사람도 들어올 수 있어요.",
    messages_of: |room| format!("{room} 대화"),
    loading_older: "지난 대화를 불러오고 있어요…",
    beginning: "여기서 대화가 시작됐어요",
    new_messages: |count| format!("새 메시지 {count}개"),
    to_the_end: "맨 아래로",

    message: "메시지",
    message_hint: |room| format!("{room}에 메시지 보내기"),
    send: "보내기",
    too_long_by: |count| format!("{count}자를 줄여 주세요"),
    sending: "보내는 중…",
    waiting: "기다리는 중",
    waiting_unkept: "기다리는 중이에요. 보낼 때까지 이 창을 닫지 말아 주세요.",
    not_sent: "보내지 못했어요.",
    unconfirmed: |from| format!("누구인지 확인되지 않음 · UDP {from}"),
    retry: "다시 보내기",
    delete: "지우기",

    restarting: "서버를 새로 여는 중이에요. 곧 다시 이어져요.",
    connecting: "연결하고 있어요…",
    offline: "연결이 끊겼어요. 쓴 메시지는 다시 연결되면 보낼게요.",

    full: "자리가 다 찼어요",
    full_more: |room| format!("{room}에는 지금 빈자리가 없어요."),
    full_waiting: "빈자리가 나면 바로 들어가요.",
    try_now: "지금 확인하기",
    not_let_in: "들어갈 수 없어요",
    nowhere: "여기에는 아무것도 없어요",
    nowhere_more: "링크가 잘렸거나 잘못 적혔을 수 있어요.",
    unreachable: "서버에 닿지 않아요. 잠시 뒤에 다시 해 주세요.",

    refusal,
};

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadRequest | Refusal::UnknownCommand => {
            "이 페이지가 서버와 맞지 않아요. 새로고침한 뒤 다시 해 주세요."
        }
        Refusal::NameEmpty => "이름을 한 글자 이상 적어 주세요.",
        Refusal::NameTooLong => "이름이 너무 길어요. 사람은 32자, 방은 64자까지예요.",
        Refusal::NameUnreadable => "이름에 보이지 않는 글자가 들어 있어요. 지우고 다시 적어 주세요.",
        Refusal::RoomNameNotALink => "방 이름에는 빗금(/, \\)을 쓸 수 없고, 점만 적을 수도 없어요.",
        Refusal::MessageEmpty => "메시지를 한 글자 이상 적어 주세요.",
        Refusal::MessageTooLong => "메시지가 너무 길어요. 4,000자까지 보낼 수 있어요.",
        Refusal::MessageUnreadable => "메시지에 보낼 수 없는 제어 문자가 들어 있어요.",
        Refusal::CidInvalid | Refusal::CidTaken => {
            "메시지 번호가 다른 메시지와 겹쳤어요. 지우고 다시 적어 주세요."
        }
        Refusal::SeatsInvalid => "자리는 1개에서 1,000개까지 둘 수 있어요.",
        Refusal::RoomFull => "이 방은 자리가 다 찼어요.",
        Refusal::NotInRoom => "먼저 방에 들어가 주세요.",
        Refusal::NoSuchRoom => "그런 방이 없어요.",
        Refusal::TooManyRooms => "한꺼번에 너무 많은 방에 들어가 있어요. 다른 방에서 나온 뒤 다시 해 주세요.",
        Refusal::TooFast => "너무 빨라요. 잠시 뒤에 다시 해 주세요.",
        Refusal::UnknownToken => "서버가 이 브라우저를 알아보지 못해요. 새로고침해 주세요.",
        Refusal::ForeignOrigin => {
            "이 주소로는 쓸 수 없게 되어 있어요. 서버를 --public-url로 시작해 달라고 해 주세요."
        }
        Refusal::Unavailable => "서버가 지금 바빠요. 잠시 뒤에 다시 해 주세요.",
        Refusal::NotStored => "서버의 저장 공간이 가득 찼어요. 메시지는 여기 두었다가 다시 보낼게요.",
        Refusal::Internal => "서버에 문제가 생겼어요. 잠시 뒤에 다시 해 주세요.",
    }
}
