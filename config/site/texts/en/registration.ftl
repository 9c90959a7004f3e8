## What forms share

form-required = required
form-optional = optional
form-required-explained = Each question says whether an answer is required or optional.
form-no-answer = No answer
form-choose = Please choose
form-yes = Yes
form-no = No
form-or = or
form-quoted = “{ $text }”
form-only-if = Only if you answered { $answers } to “{ $question }”
form-length-most = At most { $most } characters.
form-range-between = A number from { $least } to { $most }.
form-range-from = A number of at least { $least }.
form-range-to = A number of at most { $most }.
form-seats-left = { $count ->
    [one] one seat left
   *[other] { $count } seats left
}
form-session-full = the seats are taken: you go on the waiting list
form-faults = Something needs to be corrected
form-faulty-title = Error:
form-consent = I agree that the organisers keep and use this information to run the conference
form-consent-member = The person has agreed that the organisers keep and use this information to run the conference

## Groups of fields

group-person = About you
group-contact = How we reach you
group-work = Your work
group-needs = What you need
group-member-person = About the person
group-member-contact = How we reach the person
group-member-work = The person’s work
group-member-needs = What the person needs
group-member-role = Place in the delegation
group-questions = Questions of this conference
group-consent = Your data
group-member-consent = The person’s data

## Fields

field-category = Category
field-honorific = Title
field-given-name = Given name
field-family-name = Family name or only name
field-name = Name
field-latin-name = Name in Latin letters
field-birth-date = Date of birth
field-email = E-mail address
field-phone = Telephone number
field-language = Language of our e-mails
field-organisation = Organisation
field-position = Position
field-country = Country
field-accessibility-needs = Accessibility
field-dietary-needs = Food
field-sessions = Sessions with limited seats
field-invitation = Invitation or access code
field-consent = Consent
field-privacy-notice-version = Privacy notice
field-level = Rank
field-is-head = Leads the delegation

## What helps to fill them in

help-honorific = For example Dr, Prof., H.E. Printed on the badge.
help-given-name = Leave this empty if you have only one name.
help-family-name = As it should appear on your badge.
help-name = As it should appear on your badge.
help-latin-name = Only if your name is in another script: as in your passport.
help-birth-date = Only if the organisers need it for accreditation.
help-email = We send your confirmation and your personal link to this address.
help-phone = With the country code, for example +32 2 123 45 67.
help-accessibility-needs = For example step-free access, a sign-language interpreter, a companion.
help-dietary-needs = What you cannot or do not eat.
help-sessions = If two sessions are on at the same time, you can choose only one.
help-invitation = You find it in your invitation.
help-consent = Without your agreement we keep nothing. With your personal link you can see what we keep of your registration, change most of it yourself, and cancel it. Only the organisers can change your address and your category, and sometimes your name: please write to them.
help-member-honorific = For example Dr, Prof., H.E. Printed on the badge.
help-member-given-name = Leave this empty if the person has only one name.
help-member-family-name = As it should appear on the badge.
help-member-name = As it should appear on the badge.
help-member-latin-name = Only if the name is in another script: as in the passport.
help-member-birth-date = Only if the organisers need it for accreditation.
help-member-email = The person’s own address. We send their confirmation and their personal link to it.
help-member-shared-email = The person’s own address, or that of the mission: several members may share it. We send their confirmation and their personal link to it.
help-member-phone = With the country code, for example +32 2 123 45 67.
help-member-country = If you choose none, it is the country of the delegation.
help-member-language = If you choose none, we write to the person in the language in which we write to you.
help-member-accessibility-needs = For example step-free access, a sign-language interpreter, a companion.
help-member-dietary-needs = What the person cannot or does not eat.
help-member-consent = Please ask the person before you send this. With their personal link they can see what we keep of their registration.
help-level = For the order of precedence.
help-level-replacing = If you choose none, the rank stays as it was.
help-is-head = A delegation has one head. If you tick this, the person replaces the present head.

## What can be wrong

fault-required = Please answer this.
fault-empty = Please answer this.
fault-consent_required = Please tick the box: without agreement we may keep nothing.
fault-outdated = The privacy notice has changed. Please read it and agree again.
fault-too_long = This is too long.
fault-too-long-by = Please use at most { $most } characters.
fault-too_short = This is too short.
fault-too_many = These are too many.
fault-control_character = Please write plain text without line breaks or invisible characters.
fault-invisible_character = There are invisible characters in this. Please type it anew instead of pasting it.
fault-too_many_accents = There are too many accents on one letter.
fault-name_and_parts = Please give either the whole name or its parts.
fault-invalid = Please check this.
fault-link = Please write it without a web or e-mail address, and with a space after each full stop.
fault-invalid_code = Please choose one of the answers.
fault-invalid_email = Please give an address such as name@example.org.
fault-invalid_phone = Please give a telephone number such as +32 2 123 45 67.
fault-invalid_country = Please choose a country from the list.
fault-invalid_language = Please choose a language from the list.
fault-unknown_language = Please choose a language from the list.
fault-invalid_date = Please give a date such as 2014-03-31 (year, month, day).
fault-invalid_url = Please give an address that begins with https:// or http://.
fault-out_of_range = This number is too small or too large.
fault-unknown_value = Please choose one of the answers.
fault-unknown_reference = This choice is no longer offered. Please choose again.
fault-unknown_field = This is not asked any more.
fault-unknown_category = This category is not offered. Please choose again.
fault-wrong_type = Please answer in the way that is asked for.
fault-wrong_length = Please check this.
fault-duplicate = Please choose each only once.
fault-overlap = Two of these sessions are on at the same time. Please choose one of them.
fault-session_over = This session is over.
fault-not_asked = This does not apply with your other answers. Please leave it empty.
fault-not_changeable = Only the organisers can change this.
fault-in_the_past = This date is in the past.
fault-validation = Please check what is marked below.
fault-already-registered = This address is registered already. The e-mail that we sent to it has the personal link to the registration.
fault-name-registered = Somebody with this name is registered with this address already. People who share an address need names that differ.
fault-registration-closed = Registration is not open now. What you typed is still here.
fault-conference-over = The conference is over, so this is no longer possible.
fault-registration-full = The seats are taken, and there is no waiting list.
fault-invitation-invalid = This invitation or access code is not known, is used up, or is for another address or category.
fault-invitation-needed = This category needs an invitation. Please give its code.
fault-invitation-over = This invitation has been used or has ended.
fault-wrong-state = This is not possible any more: the registration has changed meanwhile.
fault-delegation-full = Every place of your delegation is taken.
fault-identity-approved = The organisers have approved this person. Please replace the person instead of changing the name.
fault-precondition-failed = This has changed meanwhile. Please look at it again.
fault-idempotency-key-reused = This form was sent before. Please open the page again.
fault-too-many-requests = You sent too much in a short time. Please wait a minute and send it again.
fault-too-large = This is too much at once. Please shorten your texts.
fault-bad-request = We could not read what was sent. Please send it again.
fault-malformed-json = We could not read what was sent. Please send it again.
fault-not-found = There is nothing here any more. Please open the link in our latest e-mail.
fault-unauthenticated = This link is not valid any more. Please open the link in our latest e-mail.
fault-forbidden = This link does not allow that.
fault-unavailable = The service is not available at the moment. What you typed is still here: please send it again in a minute.
fault-unexpected = Something went wrong on our side. What you typed is still here: please send it again in a minute.

## Registering

register-title = Register
register-choose-category = In which category do you take part?
register-no-category = There is nothing to register for at the moment.
register-over = The conference is over. You can no longer register.
register-not-enabled = Registration is not open. Please ask the organisers, or come back later.
register-as = Register as: { $category }
register-with-invitation = We will use your invitation or access code.
register-have-code = I have an invitation or an access code
register-use-code = Use this code
register-other-category = Choose another category
register-send = Register
register-send-pending = Send to the organisers for approval
register-send-waiting = Go on the waiting list
register-letter-follows = You will then get an e-mail. It says what you still need to do.

category-open = Open for registration.
category-not-open = Not open for registration now.
category-full = Every seat is taken, and there is no waiting list.
category-waiting-list = The seats are taken. If you register now, you go on the waiting list, and we tell you as soon as a seat is free.
category-seats-left = { $count ->
    [one] Open for registration: one seat left.
   *[other] Open for registration: { $count } seats left.
}
category-opens-at = Opens:
category-closes-at = Closes:
category-needs-invitation = Only with an invitation or an access code.
category-needs-approval = The organisers decide about each registration and write to you.
category-verifies-email = You confirm your address with a link that we send to you.

sent-title = Please look at your e-mail
sent-what = An e-mail is on its way to the address that you gave.
sent-link = It says what the state of your registration is, and whether you still need to do something. If it asks you to confirm your address, your registration counts only after you have confirmed it.
sent-nothing-came = No e-mail after ten minutes? Please look in your spam folder, or register again and check the spelling of your address.

void-title = This link does not work
void-why = It is not valid, or no longer valid.
void-whole-link = Please check that the whole link was opened: some mail programs break long links.
void-latest-letter = If you have several e-mails from us, open the link in the latest one: earlier links may no longer work.
void-ask = If that does not help, please write to the organisers.

again-title = Your link again
again-offer = Already registered? Have your personal link sent again.
again-what = Give the address with which you registered. We send the personal link to it; if several people are registered with the address, each of them gets an e-mail.
again-send = Send the link again
again-sent = If this address is registered, its link is on its way.
again-nothing-came = No e-mail after ten minutes? Please look in your spam folder and check the spelling of your address. We send a link at most once in ten minutes.

## One’s own registration

own-title = Your registration
own-back = Back to your registration
own-is-unverified = Please confirm that this address is yours
own-is-pending = The organisers are considering your registration
own-is-confirmed = Your registration is confirmed
own-is-waitlisted = You are on the waiting list
own-is-offered = A seat is held for you
own-is-cancelled = Your registration is cancelled
own-is-rejected = Your registration was not accepted
own-is-expired = Your registration has expired
own-is-revoked = Your accreditation is withdrawn
own-then-unverified = Your registration counts only after you press this button.
own-then-pending = You need not do anything. We write to you as soon as a decision is made.
own-then-confirmed = We look forward to welcoming you.
own-position = You are number { $position } on the waiting list.
own-then-waitlisted = When a seat becomes free for you, we write to you. If you cannot come any more, please cancel, so that others move up.
own-then-offered = Please accept it in time. If you do not, it goes to the next person, and you go to the end of the waiting list.
own-then-cancelled = This cannot be undone.
own-then-rejected = The decision has been sent to you by e-mail.
own-then-expired = The address was not confirmed in time. What was entered has been removed.
own-then-revoked = You cannot take part with this registration any more.
own-then-over = The conference is over. You can still correct what we keep of you.
own-reason = The organisers write:
own-until = Until:
own-verify = Yes, this is my address
own-accept = Accept the seat
own-qr-label = Code for the entrance, of registration { $reference }
own-qr-what = Show this code at the entrance, on this screen or printed.
own-link-personal = This page is personal. Do not share its link.
own-link-share = Anyone who has the link can see, change and cancel your registration.
own-facts = Your details
own-reference = Reference
own-name = Name
own-dates = Dates
own-venue = Venue
own-sessions = Your sessions
own-session-waits = (waiting list)
own-session-seat = You have a seat
own-session-wished = You asked for a seat
own-calendar = Add to my calendar
own-answers = Your answers
own-acts = What you can do
own-programme = Read the programme
own-data = Download your data (JSON file)
own-cancel = Cancel my registration
own-register-anew = Register again
own-history = What has happened so far
own-notice-changed = Your changes are saved.
own-notice-sessions = Your choice of sessions is saved.

event-registered = registered
event-imported = imported from another system
event-verified = address confirmed
event-approved = approved by the organisers
event-rejected = not accepted by the organisers
event-promoted = a seat became free
event-offered = a seat was offered
event-accepted = the seat was accepted
event-lapsed = the offer of a seat ended
event-expired = expired
event-cancelled = cancelled
event-revoked = accreditation withdrawn
event-changed = changed
event-moved = moved to another category
event-sessions-changed = choice of sessions changed
event-seated = a seat in a session became free
event-merged = merged with another registration of the same person
event-link-renewed = new personal link

change-title = Change your registration
change-locked = Only the organisers can change the details above.
change-send = Save changes
change-leave = Leave it as it is

choice-title = Choose sessions
choice-what = Tick every session that you want to attend. If you untick a session, your seat goes to somebody else.
choice-none = No session of this conference asks you to sign up: you may attend them all.
choice-send = Save this choice

cancel-title = Do you want to cancel your registration?
cancel-seat = Your seat goes to the next person on the waiting list. Your seats in sessions become free, too.
cancel-place = You leave the waiting list and lose your place on it.
cancel-application = You give up your registration.
cancel-final = This cannot be undone.
cancel-nothing = There is nothing left to cancel.
cancel-send = Yes, cancel my registration
cancel-keep = No, keep it

## Delegations

delegation-title = Delegation: { $name }
delegation-back = Back to the delegation
delegation-size = { $count ->
    [0] The delegation has no members yet.
    [one] The delegation has one member.
   *[other] The delegation has { $count } members.
}
delegation-left = { $count ->
    [0] Every place is taken ({ $quota }).
    [one] One of { $quota } places is free.
   *[other] { $count } of { $quota } places are free.
}
delegation-link-personal = This page is for you as the focal point. Do not share its link.
delegation-link-share = Anyone who has the link can see the members, and add, replace and remove them. Each member gets their own link by e-mail.
delegation-members = Members
delegation-no-members = Nobody has been named so far.
delegation-head = head of delegation
delegation-replace = Replace { $name }
delegation-replace-title = Who replaces { $name }?
delegation-replace-what = The new person takes the seat, or the place on the waiting list. The registration of the other person is cancelled, and both get an e-mail. This cannot be undone.
delegation-replace-head = The new person leads the delegation, too.
delegation-replace-send = Replace
delegation-remove = Remove { $name }
delegation-remove-what = The registration is cancelled, and the person gets an e-mail. A seat goes to the next person on the waiting list. This cannot be undone.
delegation-remove-send = Yes, remove
delegation-add = Add a member
delegation-add-what = The person gets an e-mail with a personal link.
delegation-add-send = Add this member
delegation-not-open = Members cannot be added now, because registration is not open. You can still replace and remove members.
delegation-over = The conference is over. Members can no longer be added or replaced.
delegation-full = Every place is taken. To add somebody, first remove or replace a member, or ask the organisers for more places.
delegation-needs-approval = The organisers decide about each member.
delegation-notice-added = The member is added, and an e-mail is on its way.
delegation-notice-removed = The member is removed.
delegation-notice-replaced = The member is replaced, and the e-mails are on their way.

status-unverified = address not confirmed yet
status-pending = with the organisers
status-confirmed = confirmed
status-waitlisted = on the waiting list
status-cancelled = cancelled
status-rejected = not accepted
status-expired = expired
status-revoked = accreditation withdrawn

level-as-before = As before
level-head-of-state = Head of State
level-head-of-government = Head of Government
level-vice-president = Vice-President
level-minister = Minister
level-deputy-minister = Deputy minister
level-head-of-organisation = Head of an organisation
level-ambassador = Ambassador
level-other = Other

## Announcements

mail-title = Messages from the organisers
mail-on = You get announcements and reminders.
mail-off = You no longer get announcements or reminders. We still send you e-mails about your own registration.
mail-shared = Several people may use this address. What you choose here applies to all of them.
mail-stop = Stop announcements and reminders
mail-again = Send them again
