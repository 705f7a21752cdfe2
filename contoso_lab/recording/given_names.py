"""Given names that are common where the shop delivers to, in small letters.

Left out is what is also a word that a shop hears: months, flowers, virtues, brands, letters of the spelling alphabet,
and names of places. A name that is not here is still found after what introduces it.
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron abigail adam adrian aisha alan alejandro alex alexander alexandra alexis alice alicia alison allison amanda
    amélie amir amy ana andre andrea andreas andrew angela anita anja anna anne annette anthony antoine antonio anya
    arjun arthur ashley astrid audrey barbara beatrice beatriz ben benedikt benjamin bernard bernd beth betty birgit
    bob bobby brandon brenda brian brigitte bruno camille carla carlos carmen carol caroline carolyn catherine cecilia
    chantal charles charlotte chloe chloé chris christa christina christine christoph christopher claire clara claudia
    claudio clément connor craig cristina cynthia daniel daniela danielle david deborah debra denise dennis derek diana
    diane diego dieter dietmar dirk dmitri dominik donald donna dorothy doug douglas dylan edgar eduardo edward eileen
    elena elisabeth elise elizabeth ellen emily emma enrique eric erica erik erika esther ethan eugene eva evelyn
    fabian fatima felix fernando fiona florian françois françoise friedrich gabriel gabriela gary george georg gerald
    gerhard gina giovanni gloria greg gregory guillaume günter hannah hans harald harold hassan heather heidi heike
    heinz helen helena helga helmut henry hiroshi holger ian ibrahim ines ingrid irene isaac isabel isabella isabelle
    ivan jacob jacqueline james jan jane janet janice jason javier jean jeff jeffrey jennifer jenny jeremy jerry
    jessica jesús jill jim jimmy joachim joan joe joel johanna johannes john johnny jonas jonathan jordi jorge josé
    josef joseph joshua joyce juan judith judy julia julian julie julien jürgen justin kai karen karin karl karsten
    katarina kate katharina katherine kathleen kathryn kathy katie katja keith kelly ken kenji kenneth kevin kim klaus
    kristin kumar kurt kyle lara lars laura lauren laurent lea léa lena leon leonie leslie lisa logan lorenzo louis
    louise luca lucas lucía lucie luis luisa lukas luke lynn madison maja manfred manuel manuela marc marcel marco
    marcos marcus margaret maria marie marion mario marion markus marlene marta martha martin martina mary mateo
    mathilde matteo matthew matthias maya megan mei melanie melissa michael michel michelle miguel mohammed mohamed
    monica monika monique nadia nadine nancy natalie nathan nicholas nick nicolas nicole nina nina noah nora norbert
    olga oliver olivia olivier omar pablo pamela pascal patricia patrick paul paula pauline pedro peter petra philip
    philipp philippe pierre priya rachel rafael ralf ramón raquel raymond rebecca regina renate renée ricardo richard
    rita robert roberto roger roland ronald rosa rosa ruth ryan sabine sabrina sakura samantha samuel sandra sara sarah
    scott sean sebastian sergio sharon shirley silke simon simone sofia sonia sophia sophie stefan stefanie stephanie
    stephen steve steven stuart susan susanne sven sylvia sylvie tanja tanya tara ted teresa terry théo theresa thomas
    thorsten tim timothy tina tobias todd tom tony tyler ursula ute uwe valentina valerie vanessa vera véronique
    veronica victoria vincent virginie viktor walter wendy werner wilhelm william wolfgang xavier yasmin yuki yusuf
    yves yvonne zachary zoe zoé
    """.split()
)
