// German search words in the catalogue's English.
const pairs = `
herz:heart herzen:heart kerze:candle kerzen:candle tasche:bag taschen:bag beutel:bag weihnachten:christmas
weihnachts:christmas becher:mug tasse:cup tassen:cup teller:plate schale:bowl schüssel:bowl kuchen:cake torte:cake garten:garden blume:flower blumen:flower
rose:rose vogel:bird vögel:bird hund:dog katze:cat hase:rabbit huhn:hen eule:owl schmetterling:butterfly stern:star sterne:star baum:tree kette:necklace
halskette:necklace ohrringe:earrings armband:bracelet uhr:clock wecker:alarm spiegel:mirror rahmen:frame kissen:cushion karte:card karten:card papier:paper
heft:notebook notizbuch:notebook stift:pen bleistift:pencil stifte:pencils schirm:umbrella regenschirm:umbrella sonnenschirm:parasol laterne:lantern licht:light
lichter:lights lampe:lamp lichterkette:lights girlande:garland wimpel:bunting dose:tin dosen:tins kiste:box schachtel:box glas:glass flasche:bottle
wärmflasche:water korb:basket eimer:bucket schürze:apron handtuch:towel geschirrtuch:towel geschenk:gift geschenkpapier:wrap band:ribbon schleife:bow
schlüssel:key haken:hook puppe:doll spielzeug:toy holz:wooden metall:metal silber:silver gold:gold rot:red blau:blue grün:green gelb:yellow weiß:white
weiss:white schwarz:black rosa:pink lila:purple klein:small groß:large gross:large kinder:children baby:baby küche:kitchen bad:bathroom seife:soap tee:tea
kaffee:coffee teekanne:teapot löffel:spoon besteck:cutlery ostern:easter ei:egg engel:angel schnee:snow geburtstag:birthday feier:party liebe:love haus:house
schild:sign vase:vase feder:feather ring:ring haar:hair schädel:skull totenkopf:skull erdbeere:strawberry apfel:apple kirsche:cherry pilz:toadstool
`;

export default new Map(pairs.trim().split(/\s+/).map((pair) => pair.split(":")));
