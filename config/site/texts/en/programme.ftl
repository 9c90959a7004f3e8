# The public pages, in English.
service-name = Plenary
skip-to-content = Skip to content
nav-label = Conference
nav-front = Overview
nav-programme = Programme
nav-speakers = Speakers
nav-call-for-action = Call for action
nav-my-programme = My programme
nav-register = Register
language-label = Language
programme-changed = The programme has changed.
changed-moved-to = Changed: now { $when } in { $room }.
changed-moved = Changed: now { $when }.
changed-roomless = No room any more.
changed-renamed = Now called “{ $title }”.
changed-added = New: { $title }.
changed-is-new = New
changed-removed = No longer here: { $title }.
changed-gone = This is no longer in the programme.
calendar-whole = Calendar of the programme
api-documentation = API documentation
organisation-role-organiser = Organised by
organisation-role-host = Hosted by
organisation-role-partner = In cooperation with

times-are-local = All times are those of the conference ({ $zone }).
own-time-legend = In brackets, the hour in your own time zone:

now-and-next = Now and next
now = Now
next = Next
until = until

programme-none = No session has been announced yet. Please come back later.
views-label = View of the programme
view-by-time = By time
view-by-room = By room
room-time = Time
room-none = Elsewhere
programme-title = Programme
days-label = Days
filters = Filter the programme
filter-day = Day
filter-track = Theme
filter-room = Room
filter-kind = Kind of session
filter-any-day = Every day
filter-any-track = Every theme
filter-any-room = Every room
filter-any-kind = Every kind
filter-speaker = Only with { $name }
filter-apply = Show
filter-result = { $count ->
    [0] No session matches your choice.
    [one] One session matches your choice.
   *[other] { $count } sessions match your choice.
 }
filter-clear = Show the whole programme
in-parallel = { $count ->
    [one] One session
   *[other] { $count } sessions in parallel
 }
choose = In my programme
choose-hint = Tick the sessions you want to follow to make a programme of your own.
choose-which = : { $title }

my-programme-title = My programme
my-programme-open = Open my programme
my-programme-hint = with the sessions that you have ticked
my-programme-count = { $count ->
    [one] One session chosen
   *[other] { $count } sessions chosen
 }
my-programme-empty = You have not chosen any session yet. Tick sessions in the programme, and they will appear here.
my-programme-calendar = Add to my calendar
my-programme-keep = Keep these sessions on this device
my-programme-link = The address of this page holds your choice: bookmark it, or send it to a colleague.
my-programme-update = Update my programme
my-programme-add = Add to my programme
my-programme-remove = Remove from my programme
to-the-programme = See the programme

session-facts = About this session
session-presiding = In the chair
session-items = Running order
session-languages = Languages spoken
session-interpretation = Interpretation into
session-access = Access
session-calendar = Add to my calendar
session-previous = Before
session-next = After
neighbours-label = Sessions of the same day
seats = { $count ->
    [one] one seat
   *[other] { $count } seats
 }
minutes = { $count ->
    [one] one minute
   *[other] { $count } minutes
 }
list-separator = ,
on-behalf-of = on behalf of { $name }
protocol-ministerial-intervention = Ministerial interventions
protocol-institutional-response = Institutional responses
protocol-other = Statements

session-kind-opening = Opening
session-kind-thematic = Thematic session
session-kind-high-level-political = High-level political session
session-kind-closing = Closing
session-kind-parallel = Parallel session
session-kind-side-event = Side event
session-kind-ceremony = Ceremony
session-kind-social = Reception
session-kind-break = Break

item-kind-welcome-address = Welcome address
item-kind-keynote = Keynote
item-kind-panel = Panel
item-kind-statement = Statement
item-kind-ministerial-intervention = Ministerial intervention
item-kind-institutional-response = Institutional response
item-kind-discussion = Discussion
item-kind-call-for-action = Call for action
item-kind-performance = Performance
item-kind-break = Break

role-chair = Chair
role-moderator = { $count ->
    [one] Moderator
   *[other] Moderators
 }
role-keynote-speaker = { $count ->
    [one] Keynote speaker
   *[other] Keynote speakers
 }
role-panellist = { $count ->
    [one] Panellist
   *[other] Panellists
 }
role-speaker = { $count ->
    [one] Speaker
   *[other] Speakers
 }
role-rapporteur = { $count ->
    [one] Rapporteur
   *[other] Rapporteurs
 }

access-open = Open to every participant
access-sign-up = By sign-up
access-invitation = By invitation

speakers-title = Speakers
speakers-find = Find speakers
speakers-search = Name, position or organisation
speakers-any-country = Every country
speakers-sort = Order
speakers-sort-agenda = As in the programme
speakers-sort-precedence = Order of precedence
speakers-sort-name = By name
speakers-sort-role = By role
speakers-found = { $count ->
    [0] No speaker matches your choice.
    [one] One speaker matches your choice.
   *[other] { $count } speakers match your choice.
 }
speakers-all = Show all speakers
speakers-no-role = Other speakers
speakers-none = No speaker has been announced yet.
speaker-appearances = In the programme
speaker-calendar = Add these sessions to my calendar

call-status-drafted = Draft
call-status-adopted = Adopted
call-issued-by = Issued by { $name }
call-commitments = Commitments
call-basis = On the basis of
call-teaser = What the conference asks of States, of organisations and of civil society.
call-read = Read the call for action

tracks-title = Themes
registration-closes = Registration is open until { $when }.
registration-closed = Registration is not open at present.
conference-over = This conference is over. These pages show what took place.
conference-is-over = over
demonstration = This is a demonstration. No such registration counts; try whatever you like.
registration-from = It opens on { $when }.
registration-until = It closes on { $when }.

conferences-title = Conferences
conferences-none = No conference has been announced yet.

error-number = Error { $status }
error-404-title = This page cannot be found
error-404-words = It may have moved, or its address may be misspelt.
error-410-title = This page is no longer here
error-410-words = What it showed has been withdrawn from the programme.
error-429-title = Too many requests
error-429-words = Please wait a moment, then try again.
error-503-title = The service is not available
error-503-words = Please try again in a few minutes.
error-other-title = Something went wrong
error-other-words = The page could not be shown. Please try again later.
starting-title = The service is starting
starting-words = Please wait: this page loads again by itself in a few seconds.

## Contact, notices, practical information

nav-information = Practical information
contact-title = Contact
privacy-title = Privacy notice
privacy-notice-of = Privacy notice of { $name }
legal-title = Legal notice
accessibility-title = Accessibility
controller-title = Who is responsible for your data
controller-officer = Data protection officer:
