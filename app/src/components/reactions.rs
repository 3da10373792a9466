//! The reactions to a message: each emoji with its count and people, own ones marked.

use common::{person::PersonId, reactions::Reaction};
use leptos::prelude::*;

use super::icon::Icon;
use crate::{
    chat::{Chat, Identity},
    i18n::Texts,
    view::collect_views,
};

pub(crate) fn reactions(reactions: &[Reaction], chat: Chat, texts: &'static Texts) -> impl IntoView + use<> {
    let me = chat.identity.with_untracked(|identity| match identity {
        Identity::Known(me) => Some(me.id),
        Identity::Unknown | Identity::Unregistered => None,
    });
    let buttons = collect_views(reactions.iter().map(|reaction| reaction_button(reaction, me, texts)));
    view! {
        <div class="reactions">
            {buttons}
            <button class="reaction add" data-action="react" aria-label=texts.react title=texts.react>
                <Icon name="react"/>
            </button>
        </div>
    }
}

/// The style sheet shows `data-people` on hover and focus.
fn reaction_button(
    reaction: &Reaction,
    me: Option<PersonId>,
    texts: &'static Texts,
) -> impl IntoView + use<> {
    let emoji = reaction.emoji.to_string();
    let own = reaction.people.iter().any(|person| Some(person.id) == me);
    let people = people_text(reaction, me, texts);
    let label = format!("{emoji} {} {people}", reaction.count);
    let picture = emoji.clone();
    view! {
        <button
            class="reaction"
            data-action="toggle"
            data-emoji=emoji
            data-people=people
            aria-pressed=if own { "true" } else { "false" }
            aria-label=label
        >
            <span>{picture}</span> " "
            <span class="count">{reaction.count.to_string()}</span>
        </button>
    }
}

fn people_text(reaction: &Reaction, me: Option<PersonId>, texts: &'static Texts) -> String {
    let name = |id: PersonId, name: &str| if Some(id) == me { texts.you.to_owned() } else { name.to_owned() };
    let names: Vec<String> =
        reaction.people.iter().map(|person| name(person.id, person.name.as_str())).collect();
    let more = (reaction.count as usize).saturating_sub(names.len());
    let names = names.join(", ");
    if more > 0 { (texts.and_others)(&names, more) } else { names }
}
