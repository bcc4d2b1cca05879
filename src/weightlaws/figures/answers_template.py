"""The template of the page of answers.

It stands in a module and not in a file: digests of code then cover it.
"""

from weightlaws.figures.html import template

_TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Answers of the study {{ name }}</title>
<style>
body { font: 16px/1.5 sans-serif; max-width: 62em; margin: 1.5em auto; padding: 0 1em; color: #222 }
h1 { line-height: 1.2 } h2 { border-bottom: 1px solid #bbb; margin-top: 2em }
h3 { margin: 0 0 .3em; line-height: 1.3 }
h1, h2, h3, p, li, td, .matrix th { overflow-wrap: anywhere }
a { color: #0062a3 } nav li { display: inline-block; margin-right: 1.2em }
nav ul { padding: 0; margin: .5em 0 } .to-claims li { margin-right: .8em; white-space: nowrap }
td a:not(.file) { white-space: nowrap }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
th, td { padding: .3em .5em; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd }
thead th { border-bottom: 1px solid #999 }
.networks tbody th { font-weight: normal }
caption { text-align: left; font-weight: bold }
td.number, th.number { text-align: right }
.verdict { display: inline-block; padding: 0 .5em; border-radius: .3em; font-weight: bold;
  border: 2px solid; white-space: nowrap; font-size: .9em }
.holds { color: #00436d; border-color: #0173b2; background: #e3f1fa }
.part { color: #6b4400; border-color: #de8f05; background: #fdf3e0; border-style: dashed }
.fails { color: #7d2f00; border-color: #d55e00; background: #fff; border-style: double;
  border-width: 4px }
.untested { color: #444; border-color: #999; background: #f3f3f3; border-style: dotted }
.claim { border: 1px solid #ccc; border-radius: .4em; padding: .7em 1em; margin: 1em 0;
  break-inside: avoid }
.claim p { margin: .3em 0 } .note, .small { font-size: .88em; color: #444 }
.body { display: flex; flex-wrap: wrap; gap: 0 1.5em; align-items: center }
.body > p { flex: 1 1 18em } .big { font-size: 1.25em; font-weight: bold; white-space: nowrap }
.picture { flex: 0 1 260px; width: 260px; max-width: 100% }
.picture text { font: 10px sans-serif; text-anchor: middle; fill: #333 }
.picture .claimed { fill: #d8e9f4 } .picture .axis { stroke: #777 }
.picture .margin { stroke: #333; stroke-dasharray: 4 3 }
.picture .interval { stroke: #111; stroke-width: 2 } .picture .value { fill: #111 }
.matrix td { border: 1px solid #bbb }
.matrix b { display: block }
.law0 { background: #cfe8f6 } .law1 { background: #fde3b5 } .law2 { background: #c9eee0 }
.law3 { background: #f4dcec }
.rejected { background-image: repeating-linear-gradient(135deg, #fff 0 9px, transparent 9px 13px) }
.folder, .embedded .web { display: none } .embedded .folder { display: inline }
.embedded a.file { color: inherit; text-decoration: none; pointer-events: none }
@media (max-width: 640px) {
  body { margin: .5em auto; padding: 0 .6em }
  .matrix thead, .networks thead, .claims thead { display: none }
  .matrix, .networks, caption, tbody, .matrix tr, .networks tr { display: block }
  .matrix th, .matrix td, .networks th { display: block } .matrix tr { margin-bottom: 1em }
  .matrix td::before { content: attr(title); color: #555; font-size: .85em }
  .matrix .absent { display: none }
  .networks th, .networks td { border: 0; padding: 0 1em 0 0 }
  .networks tr { border-bottom: 1px solid #ddd; padding: .4em 0 }
  .networks td { display: inline-block } .networks td::before { content: attr(title) "\\a0";
    color: #555; font-size: .85em }
  .claims td { display: block; border: 0; padding: .1em 0 }
  .claims tr { display: block; padding: .4em 0; border-bottom: 1px solid #ddd }
}
@media print {
  body { max-width: none; font-size: 10.5pt; margin: 0 }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  h2, h3, caption { break-after: avoid } tr { break-inside: avoid } nav { display: none }
  .files { columns: 2 } .files > ul > li > ul > li { break-inside: avoid }
  p { orphans: 3; widows: 3 }
}
</style>
<script>
// Inside the report the page is no file, and links to files beside it lead nowhere.
if (location.protocol === "data:") document.documentElement.className = "embedded";
</script>
</head>
<body>
<h1>Which law do the weights follow? Answers of the study {{ name }}</h1>
<p>Train the same small network again and again, each time from another seed: which probability law
do its weight matrices follow, at the start and as training goes on? {{ asked }}</p>
<p>{{ counts }}</p>
<nav aria-label="Contents">
<ul>
<li><a href="#claims">Claims</a></li>
<li><a href="#laws">Which law holds where</a></li>
<li><a href="#networks">What was trained</a></li>
<li><a href="#time">How long it took</a></li>
<li><a href="#files">Figures and tables</a></li>
</ul>
<ul class="to-claims">
{% for claim in claims %}
<li>{{ claim.sign }} <a href="#row-{{ claim.name }}"
title="{{ claim.statement }}: {{ claim.verdict }}">{{ claim.name }}</a></li>
{% endfor %}
</ul>
</nav>

<h2 id="claims">Claims</h2>
<table class="claims">
<thead>
<tr><th></th><th>claim, with its number, 95 % interval and reason</th><th>verdict</th></tr>
</thead>
{% for claim in claims %}
<tr id="row-{{ claim.name }}"><td><a href="#{{ claim.name }}">{{ claim.name }}</a></td>
<td>{{ claim.statement }}
{%- if claim.number %}
<br><span class="small"><b>{{ claim.number }}</b> ({{ claim.interval }}),
{{ claim.quantity }}</span>{% endif %}
<br><span class="small">{{ claim.reason }}.
{%- if claim.against %} Most against it: {{ claim.against }}.{% endif %}
{%- if claim.figure %}
 <a class="file" href="{{ claim.figure.path | urlencode }}">{{ claim.figure.content.title }}</a>.
{%- endif %}</span></td>
<td><span class="verdict {{ claim.look }}">{{ claim.sign }} {{ claim.verdict }}</span></td></tr>
{% endfor %}
</table>
<p class="small">A claim is judged at each place that it is about, such as a layer of a condition.
The number of a claim is the mean over its places, or of a claim that something is 0 the place
furthest from it. Its 95 % interval is a line in the picture, on shaded ground where the claim is
true; the dashed line is the margin. A verdict counts the places one by one, and so can differ from
what the mean alone says: the text below the picture names places that disagree. An invariant is a
sum of products of weights over all indices, such as ΣWᵢⱼ⁴ (I45: its number in arXiv:2510.05218).
SD is the standard deviation of an invariant over members, and the miss of a law the root mean
square of its errors, in SD. A nat is a factor e of likelihood. The project's page "Claims, and
when they hold" derives all criteria, and says which changed after results had been looked at.</p>
{% for claim in claims %}
<div class="claim" id="{{ claim.name }}">
<h3>{{ claim.name }}. {{ claim.statement }}</h3>
<p><span class="verdict {{ claim.look }}">{{ claim.sign }} {{ claim.verdict }}</span>
<span class="small">{{ claim.source }}</span></p>
{% if claim.number %}
<div class="body"><p><span class="big">{{ claim.number }}</span> (95 % interval
{{ claim.interval }})<br>{{ claim.quantity }}<br>
<span class="small">Criterion: {{ claim.criterion }}</span></p>
{{ claim.picture }}</div>
{% else %}
<p class="small">Would be judged by: {{ claim.quantity }}, {{ claim.criterion }}.</p>
{% endif %}
<p>{{ claim.reason }}.</p>
{% if claim.figure %}
<p class="small">Figure: {{ linked(claim.figure) }}</p>
{% endif %}
{% for sentence in claim.more %}
{% if sentence.things | length > 1 %}
<p class="note">{{ sentence.words }}:</p>
<ul class="note">
{% for thing in sentence.things %}
<li>{{ thing }}</li>
{% endfor %}
</ul>
{% else %}
<p class="note">{{ ([sentence.words] + sentence.things) | join(": ") }}.</p>
{% endif %}
{% endfor %}
</div>
{% endfor %}

<h2 id="laws">Which law holds where</h2>
{% if matrices %}
<p>A cell has the simplest of the laws compared that no larger one beats by more than
{{ standard_errors }} standard errors on held-out networks. It is coloured if no test rejects that
law at the level {{ level }}, and hatched if one does: then none of these laws holds there, and the
colour is that of the best one. All members count, those with a dead output too.</p>
<ul>
{% for law in laws %}
<li><span class="law{{ loop.index0 }}">&nbsp;<b>{{ law.name }}</b>&nbsp;</span>:
{{ law.meaning }}</li>
{% endfor %}
</ul>
{% for matrix in matrices %}
<table class="matrix">
<caption>{{ matrix.caption }}</caption>
<thead>
<tr><th>networks</th>{% for layer in matrix.layers %}<th>{{ layer }}</th>{% endfor %}</tr>
</thead>
{% for condition, cells in matrix.rows %}
<tr><th>{{ condition }}</th>
{% for layer, cell in cells %}
{% if cell %}
<td title="{{ layer }}" class="{{ cell.look }}"><b>{{ cell.word }}</b>
<span class="small">{{ cell.reason }}</span></td>
{% else %}
<td title="{{ layer }}" class="absent">–</td>
{% endif %}
{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
{% else %}
<p>No law was fitted: the study has no ensemble of enough members with square layers.</p>
{% endif %}
{% if appendix %}
<p>All epochs, tests and gains in words: {{ linked(appendix) }}.</p>
{% endif %}

<h2 id="networks">What was trained</h2>
{% if networks %}
<table class="networks">
<thead>
<tr><th>networks</th><th class="number">members</th><th class="number">epochs</th>
<th class="number">test accuracy</th><th class="number">dead output</th>
<th class="number">diverged</th></tr>
</thead>
{% for row in networks %}
<tr><th>{{ row.words }}</th><td class="number" title="members">{{ row.members }}</td>
<td class="number" title="epochs">{{ row.epochs }}</td>
<td class="number" title="test accuracy">{{ row.accuracy }}</td>
<td class="number" title="dead output">{{ row.dead }}</td>
<td class="number" title="diverged">{{ row.diverged }}</td></tr>
{% endfor %}
</table>
<p class="small">Accuracy: mean and standard deviation over members that did not diverge. A member
with a dead output answers nothing, as a hidden layer is 0 for every image; it counts in all tables
of all members. A member that diverged counts in none.</p>
{% else %}
<p>No ensemble was trained or read.</p>
{% endif %}

<h2 id="time">How long it took</h2>
<p>{{ cost }}. Times of jobs count together, though several can run at once, and each as it ran
last: a training job that went on from a state counts since then. The job of this page is not among
them.{% if costs %} Job by job: {{ linked(costs) }}.{% endif %}</p>

<h2 id="files">Figures and tables</h2>
<p class="web">Paths lead to the files beside this page.</p>
<p class="folder">These files stand in the folders of this report.</p>
<div class="files">
{% for folder, found in folders.items() %}
<h3>{{ folder }}</h3>
<ul>
{% for title, files in found.items() %}
<li>{{ title }}
{%- if files | length == 1 and not files[0].networks %}:
<a class="file" href="{{ files[0].path | urlencode }}">{{ files[0].path }}</a>
{% else %}
<ul class="small">
{% for file in files %}
<li><a class="file" href="{{ file.path | urlencode }}">{{ file.networks or file.path }}</a></li>
{% endfor %}
</ul>
{% endif %}</li>
{% endfor %}
</ul>
{% endfor %}
</div>
</body>
</html>
"""

#: The page; see `answers.answers_page` for what it is given.
PAGE = template(_TEMPLATE)
LINK = template(
    '<a class="file" href="{{ file.path | urlencode }}">{{ file.words }}</a>'
    '<span class="folder"> (in the folder {{ file.content.folder }})</span>'
)
