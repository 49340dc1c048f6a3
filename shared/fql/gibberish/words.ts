/**
 * What the bigram model is trained on: given names, family names, street words and cities, written down for this project
 * (names of many languages in Latin letters). Every fifth word is held out for measuring.
 */
export const words: readonly string[] = `
james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica thomas sarah
charles karen christopher lisa daniel nancy matthew betty anthony margaret mark sandra donald ashley steven kimberly paul emily andrew
donna joshua michelle kenneth carol kevin amanda brian dorothy george melissa timothy deborah ronald stephanie edward rebecca jason
sharon jeffrey laura ryan cynthia jacob kathleen gary amy nicholas angela eric shirley jonathan anna stephen brenda larry pamela justin
emma scott nicole brandon helen benjamin samantha samuel katherine gregory christine alexander debra patrick rachel frank carolyn raymond
janet jack catherine dennis maria jerry heather tyler diane aaron ruth jose julie adam olivia nathan joyce henry virginia zachary victoria
douglas kelly peter lauren kyle christina noah joan ethan evelyn jeremy judith walter andrea christian hannah keith megan roger cheryl
terry jacqueline austin martha sean madison gerald teresa carl gloria harold sara dylan janice arthur ann lawrence kathryn jordan abigail
jesse sophia bryan frances billy jean bruce alice gabriel judy logan isabella alan julia juan grace albert amber willie denise elijah
marilyn wayne beverly randy danielle vincent theresa mason sophie roy diana ralph brittany bobby natalie russell charlotte bradley marie
philip kayla eugene alexis lori giulia marco luca francesca alessandro chiara matteo elena lorenzo paola giovanni silvia antonio carmen
manuel isabel francisco pilar javier lucia diego raquel alejandro beatriz fernando rosa miguel ines pablo teresa sergio marta ricardo
joao ana pedro mariana tiago beatriz rui catarina paulo fernanda lucas juliana gustavo camila rafael leticia bruno aline felipe
pierre camille julien manon nicolas chloe antoine amelie olivier juliette laurent sylvie philippe nathalie bernard monique etienne
hans ursula klaus monika wolfgang petra stefan sabine jurgen renate uwe heike lukas lena felix leonie maximilian johanna sebastian katharina
jan anneke pieter willem femke joost maaike lars ingrid erik astrid bjorn sigrid nils freja soren mette jens kirsten anders karin
mikko aino juhani elina pekka liisa piotr agnieszka krzysztof malgorzata tomasz katarzyna andrzej joanna pavel jana petr lenka
ivan natalia dmitri svetlana sergei tatiana alexei irina nikolai ekaterina mikhail anastasia vladimir oksana andriy yulia
mohammed fatima ahmed aisha ali zainab omar layla hassan maryam yusuf khadija ibrahim amina karim nadia tariq samira rashid leila
raj priya amit anjali sanjay sunita vikram kavita arjun deepika rahul pooja suresh lakshmi ravi meena krishna radha anil geeta
wei mei hui ling jing chen ming yan tao xin hiroshi yuki takashi sakura kenji haruka satoshi akiko naoki emi minjun seoyeon jihoon
nguyen linh tuan thao minh huong anh trang somchai siriporn budi siti agus dewi putu wayan kwame akosua chinedu ngozi oluwaseun
amara thabo lerato sipho nomvula tendai rudo abebe tigist moses wanjiru juma mehmet ayse mustafa zeynep emre elif nikos maria
smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas taylor moore
jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker young allen king wright scott torres nguyen
hill flores green adams nelson baker hall rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards
collins reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward
richardson watson brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross foster
jimenez powell jenkins perry russell sullivan bell coleman butler henderson barnes gonzales fisher vasquez simmons romero jordan
patterson alexander hamilton graham reynolds griffin wallace moreno west cole hayes bryant herrera gibson ellis tran medina aguilar
stevens murray ford castro marshall owens harrison fernandez mcdonald woods washington kennedy wells vargas henry freeman webb tucker
guzman burns crawford olson simpson porter hunter gordon mendez silva shaw snyder mason dixon munoz hunt hicks holmes palmer wagner black
robertson boyd rose stone salazar fox warren mills meyer rice schmidt garza daniels ferguson nichols stephens soto weaver ryan gardner
payne grant dunn kelley spencer hawkins arnold pierce hansen peters santos hart bradley knight elliott cunningham duncan armstrong
hudson carroll lane riley andrews alvarado ray delgado berry perkins hoffman johnston matthews pena richards contreras willis carpenter
lawrence sandoval guerrero george chapman rios estrada ortega watkins greene nunez wheeler valdez harper burke larson santiago maldonado
morrison franklin carlson austin dominguez carr lawson jacobs obrien lynch singh vega bishop montgomery oliver jensen harvey
williamson gilbert dean sims espinoza howell wong reid hanson mccoy garrett burton fuller wang weber welch rojas lucas marquez fields
mueller schneider fischer becker schulz koch bauer richter klein wolf schroeder neumann schwarz zimmermann braun hofmann hartmann
rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti costa giordano mancini rizzo lombardi
dubois durand leroy moreau laurent lefebvre michel bertrand roux vincent fournier girard bonnet dupont lambert fontaine rousseau
novak svoboda kowalski wisniewski kaminski lewandowski zielinski ivanov petrov sidorov popov sokolov lebedev kozlov morozov
suzuki tanaka watanabe yamamoto nakamura kobayashi sasaki yamaguchi matsumoto inoue kimura hayashi shimizu yamazaki
sharma gupta verma reddy iyer nair mehta kapoor chopra joshi kulkarni desai banerjee mukherjee chatterjee rao
street avenue road lane drive court place boulevard terrace square crescent close gardens grove highway parkway circle trail
park view hill lake river spring forest meadow valley ridge main church station mill bridge market high north south east west upper lower
oak maple cedar pine elm walnut chestnut willow birch ash poplar cherry magnolia sycamore spruce laurel juniper hawthorn holly
lincoln jefferson madison monroe jackson franklin liberty union center college university school hospital garden orchard harbor
victoria albert queen king prince windsor richmond kensington oxford cambridge manchester sheffield bristol glasgow edinburgh
dublin paris london berlin madrid vienna munich hamburg cologne frankfurt stuttgart barcelona valencia seville lisbon porto
rome milan naples turin florence venice amsterdam rotterdam brussels antwerp zurich geneva copenhagen stockholm oslo helsinki warsaw
krakow prague budapest bucharest sofia athens istanbul ankara moscow kiev cairo casablanca nairobi lagos accra johannesburg
mumbai delhi bangalore chennai kolkata bangkok hanoi jakarta manila singapore tokyo osaka kyoto seoul beijing shanghai
seattle redmond portland chicago boston houston dallas phoenix denver atlanta miami orlando charlotte baltimore philadelphia
sacramento oakland berkeley pasadena fresno albuquerque minneapolis milwaukee indianapolis columbus cleveland detroit
toronto vancouver montreal ottawa calgary edmonton winnipeg halifax sydney melbourne brisbane perth adelaide auckland wellington
bahnhofstrasse hauptstrasse schulstrasse gartenweg lindenstrasse bergstrasse rue avenue boulevard place impasse chemin allee
calle avenida plaza paseo carrera camino via piazza corso viale largo rua travessa estrada straat laan weg plein gasse platz
apartment suite floor building house tower flat unit office warehouse department room block
primrose wellington nightingale stonebridge fairview lakeside riverside hillcrest woodland greenfield springfield brookside kingston
`
  .trim()
  .split(/\s+/);
