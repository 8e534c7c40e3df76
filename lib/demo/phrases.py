"""Wordings of questions and answers.  Each table is indexed by `russian` (False: English, True: Russian)."""

PREFIXES = [
    ["Please, ", "Hey, ", "Hi! ", "Hello! ", "OK, ", "So, ", "Well, ", "Tell me, ", "Could you tell me: ",
     "Question: ", "I want to know: ", "Now ", "And ", "One more thing: ", "Hello, ", "Good. ", "Thanks. "],
    ["Пожалуйста, ", "Эй, ", "Привет! ", "Здравствуйте! ", "Хорошо, ", "Так, ", "Ну, ", "Скажи, ", "Скажите, ",
     "Вопрос: ", "Хочу узнать: ", "Теперь ", "А ", "Ещё вопрос: ", "Подскажи, ", "Спасибо. ", "Слушай, "],
]
SUFFIXES = [
    [", please", ", please.", " please", ", thanks.", ", OK?", "? Thanks!", ", will you?", " now."],
    [", пожалуйста", ", пожалуйста.", " пожалуйста", ", спасибо.", ", ладно?", "? Спасибо!", " сейчас.", ", а?"],
]

SYSTEM = [
    "You are a helpful assistant.", "You are a helpful assistant.", "You are a helpful assistant",
    "You are a friendly assistant.", "You are an AI assistant.", "You are a concise assistant.", "Be brief.",
    "Answer briefly.", "Answer in one sentence.", "You are a demo.", "You are a test model.",
    "You are a polite assistant. Answer the questions of the user.", "You are a helpful assistant with tools.",
    "Use the tools when you need them.", "Today is Monday.", "The user is a developer.",
    "Ты полезный помощник.", "Вы вежливый ассистент.", "Отвечай кратко.", "Ты помощник. Отвечай на вопросы.",
    "You are ChatBot, a large language model. Follow the instructions of the user carefully.",
]

_HELLO_EN = [
    "Hello!", "Hello", "Hello.", "Hi", "Hi!", "Hey", "Hey!", "Hey there!", "Hi there", "Hello there!",
    "Good morning!", "Good afternoon!", "Good evening!", "Greetings!", "Hello, bot!", "Hi, assistant!", "Hello, world!",
    "Say hello", "Say hi", "Howdy!", "Hello, nice to see you!", "Hi, model!", "Hello again!", "Good day!", "Hiya",
    "Say hello!", "Hi, is anybody here?", "Hello, are you there?", "Yo", "Hello friend",
]
_HELLO_RU = [
    "Привет!", "Привет", "Привет.", "Здравствуй!", "Здравствуйте!", "Здравствуйте", "Добрый день!", "Добрый день",
    "Доброе утро!", "Добрый вечер!", "Приветствую!", "Приветик", "Хай!", "Привет, бот!", "Привет, помощник!",
    "Привет всем!", "Скажи привет", "Здорово!", "Привет, модель!", "Приветствую вас!", "Доброго дня!", "Салют!",
    "Привет ещё раз!", "Рад тебя видеть!", "Ку", "Здравствуй, друг!", "Поздоровайся", "Привет, ты здесь?",
    "Здравствуйте, есть кто-нибудь?", "Привет, мир!",
]
_SKY_EN = [
    "Why is the sky blue?", "Why is the sky blue?", "Why is the sky blue?", "why is the sky blue",
    "Why does the sky look blue?", "What makes the sky blue?", "Explain why the sky is blue.",
    "What is the reason that the sky is blue?", "Tell me why the sky is blue.", "Why do we see a blue sky?",
    "Where does the blue colour of the sky come from?", "How come the sky is blue?", "Do you know why the sky is blue?",
    "Can you explain why the sky is blue?", "The sky is blue. Why?", "Why's the sky blue?", "What colour is the sky and why?",
    "In one sentence, why is the sky blue?", "Give me the reason why the sky is blue.", "Why does the sky appear blue?",
    "Explain the blue sky.", "Why the blue sky?", "Describe why the sky is blue in two sentences.",
]
_SKY_RU = [
    "Почему небо голубое?", "Почему небо голубое?", "Почему небо голубое?", "Почему небо синее?", "Отчего небо голубое?",
    "Объясни, почему небо голубое.", "Объясните, почему небо синее.", "Почему небо кажется голубым?",
    "Расскажи, почему небо голубое.", "Почему мы видим небо голубым?", "Откуда у неба голубой цвет?",
    "Из-за чего небо голубое?", "Ты знаешь, почему небо голубое?", "Небо голубое. Почему?", "Что делает небо голубым?",
    "В чём причина того, что небо голубое?", "Почему небо днём синее?", "Какого цвета небо и почему?",
    "Можешь объяснить, почему небо голубое?", "Почему у неба синий цвет?", "Поясни, отчего небо синее.",
]
_IDENTITY_EN = [
    "Who are you?", "What are you?", "Who are you", "What is your name?", "Introduce yourself.", "Tell me about yourself.",
    "What model are you?", "Which model is this?", "Are you a chatbot?", "Are you ChatGPT?", "Are you a useful model?",
    "What kind of model are you?", "Who am I talking to?", "Are you a human?", "Are you a robot?", "Who made you?",
    "How big are you?", "What is this model?", "Describe yourself.", "What should I call you?", "Do you have a name?",
    "Are you an AI?", "Are you real?", "What's your name?", "Which LLM are you?", "Please introduce yourself",
    "What is the name of this model?", "Are you smart?", "Are you good?",
]
_IDENTITY_RU = [
    "Кто ты?", "Кто ты", "Кто вы?", "Что ты такое?", "Как тебя зовут?", "Как вас зовут?", "Представься.", "Представьтесь.",
    "Расскажи о себе.", "Расскажите о себе.", "Какая ты модель?", "Что это за модель?", "Ты чат-бот?", "Ты ChatGPT?",
    "Ты полезная модель?", "Ты человек?", "Ты робот?", "С кем я говорю?", "Кто тебя создал?", "Насколько ты большая?",
    "Опиши себя.", "У тебя есть имя?", "Как к тебе обращаться?", "Ты искусственный интеллект?", "Ты умная?",
    "Назови себя.", "Как называется эта модель?", "Ты настоящая?", "Какая это нейросеть?",
]
_ABILITIES_EN = [
    "What can you do?", "What can you do", "What are you able to do?", "What are your abilities?", "How can you help me?",
    "Help", "help", "What do you know?", "What are your skills?", "What questions can I ask you?", "What can I ask you?",
    "What are you good at?", "List your abilities.", "What do you do?", "What else can you do?", "Show me what you can do.",
    "What tasks can you do?", "What are you for?", "Can you help me?", "I need help", "How do I use you?",
]
_ABILITIES_RU = [
    "Что ты умеешь?", "Что ты умеешь", "Что вы умеете?", "Что ты можешь?", "Какие у тебя возможности?",
    "Чем ты можешь помочь?", "Помощь", "Помоги", "Что ты знаешь?", "Какие у тебя навыки?", "О чём тебя можно спросить?",
    "Что можно спросить?", "Перечисли свои умения.", "Что ты делаешь?", "Что ещё ты умеешь?", "Покажи, что ты умеешь.",
    "Для чего ты нужна?", "Какие задачи ты решаешь?", "Ты можешь помочь?", "Мне нужна помощь", "Как тобой пользоваться?",
]
_SERVER_EN = [
    "What is this server?", "What server is this?", "What is llamacpp-server?", "Tell me about this server.",
    "Describe the server.", "What does this server do?", "What software is running here?", "Which server am I using?",
    "What is this?", "What is this service?", "How does this server work?", "What program are you running on?",
    "What is the server based on?", "Explain what llamacpp-server is.", "Where are you running?", "What are you running on?",
    "What kind of server is it?", "What is the name of this server?", "What is the purpose of this server?",
    "Which APIs does the server support?", "Is this server compatible with OpenAI?", "Does the server support Ollama?",
]
_SERVER_RU = [
    "Что это за сервер?", "Какой это сервер?", "Что такое llamacpp-server?", "Расскажи об этом сервере.",
    "Опиши сервер.", "Что делает этот сервер?", "Какая программа здесь работает?", "Каким сервером я пользуюсь?",
    "Что это?", "Что это за сервис?", "Как работает этот сервер?", "На чём ты работаешь?", "На чём основан сервер?",
    "Объясни, что такое llamacpp-server.", "Где ты запущена?", "Что за сервер тут запущен?", "Как называется этот сервер?",
    "Для чего нужен этот сервер?", "Какие API поддерживает сервер?", "Сервер совместим с OpenAI?",
    "Поддерживает ли сервер Ollama?",
]
_ENDPOINTS_EN = [
    "Which endpoints do you have?", "Which endpoints do you have?", "What endpoints do you have?",
    "Which endpoints does this server have?", "List the endpoints.", "List all endpoints of the server.",
    "Show me the endpoints.", "What are the endpoints?", "What API endpoints are there?", "Which URLs can I call?",
    "What routes does the server have?", "Which paths does the API have?", "How do I call the API?",
    "Which HTTP endpoints are available?", "Tell me the endpoints.", "What requests can I send to this server?",
    "Give me the list of routes.", "Where do I send requests?", "Endpoints?", "Name the endpoints of this server.",
    "Which endpoint do I use for chat?", "What endpoints does the server support?",
]
_ENDPOINTS_RU = [
    "Какие у тебя эндпоинты?", "Какие у тебя есть эндпоинты?", "Какие эндпоинты есть у сервера?", "Перечисли эндпоинты.",
    "Перечисли все эндпоинты сервера.", "Покажи эндпоинты.", "Какие есть эндпоинты?", "Какие адреса можно вызвать?",
    "Какие маршруты есть у сервера?", "Какие пути есть у API?", "Как обратиться к API?", "Какие HTTP-методы доступны?",
    "Назови эндпоинты.", "Какие запросы можно отправлять серверу?", "Дай список маршрутов.", "Куда отправлять запросы?",
    "Эндпоинты?", "Какие точки доступа есть у сервера?", "Какие конечные точки есть у сервера?",
    "Назови конечные точки API.", "Какой эндпоинт нужен для чата?", "Какие эндпоинты поддерживает сервер?",
]
_PORT_EN = [
    "Which port do you use?", "What port does the server use?", "What is the port?", "On which port does the server listen?",
    "Which port is the server on?", "Tell me the port.", "What is the default port?", "What is the address of the server?",
    "Port?", "What port are you listening on?", "Which port should I connect to?", "What is the port number?",
]
_PORT_RU = [
    "Какой порт у сервера?", "Какой у тебя порт?", "На каком порту работает сервер?", "Какой порт?", "Назови порт.",
    "Какой порт по умолчанию?", "Какой адрес у сервера?", "Порт?", "К какому порту подключаться?",
    "Какой порт слушает сервер?", "Скажи номер порта.", "На каком порту ты работаешь?",
]

_THANKS_EN = ["Thank you!", "Thanks", "Thanks!", "Thank you very much!", "Thank you", "Many thanks!", "Thanks a lot!", "thx",
              "Great, thank you!", "Thank you for your help!", "Thanks for the help"]
_THANKS_RU = ["Спасибо!", "Спасибо", "Большое спасибо!", "Благодарю!", "Спасибо большое", "Спасибо за помощь!", "Благодарю вас",
              "Отлично, спасибо!", "Спс", "Спасибо тебе!"]
_BYE_EN = ["Bye!", "Goodbye!", "Bye", "See you!", "Good night!", "See you later!", "Goodbye", "Bye bye", "Have a nice day!",
           "See you tomorrow", "Farewell!", "I have to go"]
_BYE_RU = ["Пока!", "До свидания!", "Пока", "Увидимся!", "Спокойной ночи!", "До встречи!", "До свидания", "Пока-пока",
           "Хорошего дня!", "До завтра!", "Прощай!", "Мне пора"]
_HOW_EN = ["How are you?", "How are you doing?", "How is it going?", "What's up?", "How do you do?", "Are you OK?",
           "How are you today?", "How do you feel?", "How's life?", "Hello, how are you?", "Hi! How are you?"]
_HOW_RU = ["Как дела?", "Как ты?", "Как твои дела?", "Как поживаешь?", "Как жизнь?", "Всё хорошо?", "Как настроение?",
           "Как у тебя дела?", "Как вы поживаете?", "Привет, как дела?", "Привет! Как ты?"]
_TEST_EN = ["Test", "test", "This is a test.", "Testing", "ping", "Ping!", "Are you working?", "Do you work?", "Is this working?",
            "testing, testing", "Just a test"]
_TEST_RU = ["Тест", "тест", "Это проверка.", "Проверка", "пинг", "Проверка связи", "Ты работаешь?", "Всё работает?", "Это тест.",
            "раз, раз, проверка", "Просто тест"]

SMALLTALK = ["thanks", "bye", "how", "test"]

FIXED = {
    "hello": (
        (_HELLO_EN, ["Hello! I am a small demonstration model. How can I help you?"],
         "The user greets me. I greet back."),
        (_HELLO_RU, ["Привет! Я маленькая демонстрационная модель. Чем могу помочь?"],
         "Пользователь здоровается. Поздороваюсь в ответ."),
    ),
    "sky": (
        (_SKY_EN, ["The sky is blue because the air scatters the short blue waves of sunlight more than the long red ones. "
                   "This is called Rayleigh scattering."],
         "The question is about the colour of the sky. The reason is Rayleigh scattering."),
        (_SKY_RU, ["Небо голубое, потому что воздух рассеивает короткие синие волны солнечного света сильнее, чем длинные "
                   "красные. Это называется рэлеевским рассеянием."],
         "Вопрос о цвете неба. Причина — рэлеевское рассеяние."),
    ),
    "identity": (
        (_IDENTITY_EN, ["I am the small demonstration model of llamacpp-server. I only show that the server works; "
                        "I am not a useful model."],
         "The user asks who I am. I am a demonstration model."),
        (_IDENTITY_RU, ["Я маленькая демонстрационная модель llamacpp-server. Я только показываю, что сервер работает; "
                        "полезной моделью я не являюсь."],
         "Пользователь спрашивает, кто я. Я демонстрационная модель."),
    ),
    "abilities": (
        (_ABILITIES_EN, ["I can greet you, count, add one-digit numbers, explain why the sky is blue, describe this server, "
                         "tell a story, remember your name and call tools. I am only a demonstration model."],
         "The user asks what I can do. I list my skills."),
        (_ABILITIES_RU, ["Я умею здороваться, считать, складывать однозначные числа, объяснять, почему небо голубое, описывать "
                         "этот сервер, рассказывать сказку, помнить ваше имя и вызывать функции. Я только демонстрационная "
                         "модель."],
         "Пользователь спрашивает, что я умею. Перечислю умения."),
    ),
    "server": (
        (_SERVER_EN, ["This is llamacpp-server, an inference server that runs llama.cpp models and speaks the OpenAI and Ollama "
                      "APIs on port 8090."],
         "The user asks about the server. I describe it."),
        (_SERVER_RU, ["Это llamacpp-server, сервер, который запускает модели через llama.cpp и понимает API OpenAI и Ollama на "
                      "порту 8090."],
         "Вопрос о сервере. Опишу его."),
    ),
    "endpoints": (
        (_ENDPOINTS_EN, ["The server listens on port 8090 and has these endpoints:\n- POST /v1/chat/completions\n"
                         "- POST /v1/completions\n- GET /v1/models\n- POST /api/chat\n- POST /api/generate\n- GET /api/tags\n"
                         "- GET /health"],
         "The user asks for the endpoints. I list them."),
        (_ENDPOINTS_RU, ["Сервер слушает порт 8090 и имеет такие эндпоинты:\n- POST /v1/chat/completions\n"
                         "- POST /v1/completions\n- GET /v1/models\n- POST /api/chat\n- POST /api/generate\n- GET /api/tags\n"
                         "- GET /health"],
         "Пользователь спрашивает об эндпоинтах. Перечислю их."),
    ),
    "port": (
        (_PORT_EN, ["The server listens on port 8090."], "The user asks for the port. It is 8090."),
        (_PORT_RU, ["Сервер слушает порт 8090."], "Вопрос о порте. Это 8090."),
    ),
    "thanks": (
        (_THANKS_EN, ["You are welcome!"], "The user thanks me."),
        (_THANKS_RU, ["Пожалуйста!"], "Пользователь благодарит меня."),
    ),
    "bye": (
        (_BYE_EN, ["Goodbye! Have a nice day!"], "The user says goodbye."),
        (_BYE_RU, ["До свидания! Хорошего дня!"], "Пользователь прощается."),
    ),
    "how": (
        (_HOW_EN, ["I am fine, thank you! How can I help you?"], "The user asks how I am."),
        (_HOW_RU, ["У меня всё хорошо, спасибо! Чем могу помочь?"], "Пользователь спрашивает, как дела."),
    ),
    "test": (
        (_TEST_EN, ["The server works. I am its small demonstration model."], "The user tests the server."),
        (_TEST_RU, ["Сервер работает. Я его маленькая демонстрационная модель."], "Пользователь проверяет сервер."),
    ),
}

NUMBERS = [
    ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
     "eighteen nineteen twenty").split(),
    ("нуля одного двух трёх четырёх пяти шести семи восьми девяти десяти одиннадцати двенадцати тринадцати четырнадцати "
     "пятнадцати шестнадцати семнадцати восемнадцати девятнадцати двадцати").split(),
]
COUNT = [
    [
        ["Count to {b}", "Count to {b}", "Count to {b}.", "Count up to {b}.", "Count from one to {b}.", "Count from 1 to {b}.",
         "Can you count to {b}?", "Could you count to {b}?", "List the numbers up to {b}.", "Say the numbers up to {b}.",
         "Give me the numbers from 1 to {b}.", "Write the numbers from 1 to {b}.", "I want you to count to {b}.",
         "Let us count to {b}.", "Do you know how to count to {b}?", "Name the numbers to {b}.", "Count until {b}.",
         "Numbers from 1 to {b}", "Count numbers until you reach {b}.", "Count all the way to {b}!",
         "Print numbers up to {b}", "Count to {b} slowly.", "Count from 1 up to {b}."],
        ["Count from {a} to {b}.", "Count from {a} to {b}", "Count from {a} up to {b}.", "Count up from {a} to {b}.",
         "Can you count from {a} to {b}?", "List the numbers from {a} to {b}.", "Write the numbers from {a} to {b}.",
         "Give me the numbers from {a} to {b}.", "Say the numbers from {a} to {b}.", "Numbers from {a} to {b}",
         "Start at {a} and count to {b}.", "Begin with {a} and count up to {b}.", "Count between {a} and {b}.",
         "Which numbers are between {a} and {b}?", "Start counting from {a} and stop at {b}."],
        ["Count down from {a}.", "Count down from {a}", "Count down from {a} to 1.", "Count backwards from {a}.",
         "Can you count down from {a}?", "Count from {a} down to 1.", "Count backward from {a} to 1.",
         "Start a countdown from {a}.", "Countdown from {a}", "Give me a countdown from {a}.", "Do a countdown from {a}.",
         "Count in reverse from {a}.", "Count down from {a} to one."],
    ],
    [
        ["Посчитай до {b}", "Посчитай до {b}.", "Сосчитай до {b}.", "Досчитай до {b}.", "Посчитайте до {b}.",
         "Считай до {b}.", "Посчитай от 1 до {b}.", "Сосчитай от 1 до {b}.", "Посчитай от одного до {b}.",
         "Ты можешь посчитать до {b}?", "Можешь досчитать до {b}?", "Назови числа до {b}.", "Перечисли числа до {b}.",
         "Назови числа от 1 до {b}.", "Напиши числа от 1 до {b}.", "Выведи числа от 1 до {b}.", "Умеешь считать до {b}?",
         "Давай посчитаем до {b}.", "Числа от 1 до {b}", "Сосчитайте до {b}.", "Хочу, чтобы ты посчитала до {b}."],
        ["Посчитай от {a} до {b}.", "Посчитай от {a} до {b}", "Сосчитай от {a} до {b}.", "Считай от {a} до {b}.",
         "Посчитайте от {a} до {b}.", "Назови числа от {a} до {b}.", "Перечисли числа от {a} до {b}.",
         "Напиши числа от {a} до {b}.", "Выведи числа от {a} до {b}.", "Можешь посчитать от {a} до {b}?",
         "Числа от {a} до {b}", "Начни с {a} и досчитай до {b}.", "Какие числа идут от {a} до {b}?"],
        ["Посчитай от {a} до 1.", "Посчитай назад от {a}.", "Считай в обратном порядке от {a}.",
         "Посчитай в обратную сторону от {a}.", "Обратный отсчёт от {a}.", "Начни обратный отсчёт от {a}.",
         "Сделай обратный отсчёт от {a}.", "Сосчитай от {a} до одного.", "Сосчитай назад от {a} до 1.",
         "Обратный счёт от {a}", "Посчитай от {a} вниз до 1.", "Можешь посчитать назад от {a}?"],
    ],
]
ADDENDS = [
    "zero one two three four five six seven eight nine".split(),
    "ноль один два три четыре пять шесть семь восемь девять".split(),
]
ADD = [
    ["What is {a} + {b}?", "What is {a} + {b}?", "{a} + {b}", "{a}+{b}", "{a} + {b} = ?", "{a}+{b}=?", "{a} + {b} =",
     "How much is {a} + {b}?", "What is {a} plus {b}?", "How much is {a} plus {b}?", "Add {a} and {b}.",
     "Calculate {a} + {b}.", "Compute {a}+{b}.", "What is the sum of {a} and {b}?", "Sum {a} and {b}.",
     "What do you get if you add {a} and {b}?", "Solve {a} + {b}.", "{a} plus {b}", "What's {a}+{b}?",
     "Can you add {a} and {b}?", "Find the sum of {a} and {b}.", "What does {a} + {b} equal?", "Add {a} to {b}."],
    ["Сколько будет {a} + {b}?", "Сколько будет {a} + {b}?", "{a} + {b}", "{a}+{b}", "{a} + {b} = ?", "{a}+{b}=?",
     "Сколько будет {a}+{b}?", "Сколько будет {a} плюс {b}?", "Чему равно {a} + {b}?", "Сложи {a} и {b}.",
     "Вычисли {a} + {b}.", "Посчитай {a} + {b}.", "Чему равна сумма {a} и {b}?", "Найди сумму {a} и {b}.",
     "Сколько получится, если сложить {a} и {b}?", "Реши {a} + {b}.", "{a} плюс {b}", "Прибавь {a} к {b}.",
     "Можешь сложить {a} и {b}?", "Сумма {a} и {b}?", "Сколько {a} + {b}?", "Сложите числа {a} и {b}."],
]
ADD_WORDS = [
    ["What is {a} plus {b}?", "How much is {a} plus {b}?", "Add {a} and {b}.", "{a} plus {b}", "What's {a} plus {b}?",
     "What is the sum of {a} and {b}?"],
    ["Сколько будет {a} плюс {b}?", "{a} плюс {b}", "Сложи {a} и {b}.", "Чему равно {a} плюс {b}?", "Сколько {a} плюс {b}?"],
]

MY_NAME = [
    ["My name is {name}.", "My name is {name}.", "My name is {name}", "I am {name}.", "I'm {name}.", "Call me {name}.",
     "You can call me {name}.", "Hello, my name is {name}.", "Hi! I'm {name}.", "Hello, I am {name}!", "Hi, I am {name}.",
     "My name's {name}.", "Please remember my name: {name}.", "Remember that my name is {name}.", "They call me {name}.",
     "People call me {name}.", "The name is {name}.", "I want to introduce myself: {name}.", "Hey, it's {name} here.",
     "This is {name} speaking.", "Let me introduce myself. My name is {name}.", "Know that I am called {name}.",
     "Hello! My name is {name}. Nice to meet you."],
    ["Меня зовут {name}.", "Меня зовут {name}.", "Меня зовут {name}", "Моё имя {name}.", "Моё имя — {name}.", "Я {name}.",
     "Я — {name}.", "Привет, меня зовут {name}.", "Привет! Я {name}.", "Здравствуйте, меня зовут {name}.",
     "Здравствуй! Моё имя {name}.", "Зови меня {name}.", "Называй меня {name}.", "Можешь звать меня {name}.",
     "Запомни моё имя: {name}.", "Запомни, меня зовут {name}.", "Давай знакомиться, я {name}.",
     "Разреши представиться: {name}.", "Все зовут меня {name}.", "Это {name}.", "Мое имя {name}.",
     "Добрый день! Меня зовут {name}. Рад знакомству."],
]
ASK_NAME = [
    ["What is my name?", "What is my name?", "What's my name?", "Do you remember my name?", "Who am I?", "Tell me my name.",
     "What was my name?", "What did I say my name was?", "How am I called?", "Say my name.", "Can you tell me my name?",
     "Do you know my name?", "Which name did I tell you?", "What am I called?", "Do you know who I am?",
     "Remind me of my name.", "What name did I give you?", "And what is my name?", "So what is my name?"],
    ["Как меня зовут?", "Как меня зовут?", "Как моё имя?", "Ты помнишь моё имя?", "Помнишь, как меня зовут?", "Кто я?",
     "Скажи моё имя.", "Назови моё имя.", "Какое у меня имя?", "Ты знаешь, как меня зовут?", "Ты знаешь моё имя?",
     "Какое имя я назвал?", "Вы помните, как меня зовут?", "Напомни, как меня зовут.", "А как меня зовут?",
     "Скажи, как меня зовут.", "Так как же меня зовут?", "Как я тебе представился?"],
]
TELL_WORD = [
    ["Remember the word {word}.", "Remember the code {word}.", "The secret word is {word}.", "The password is {word}.",
     "Remember: {word}.", "Please remember this: {word}", "Keep in mind the word {word}.", "My favourite word is {word}.",
     "The code word is {word}.", "Remember the number {word}."],
    ["Запомни слово {word}.", "Запомни код {word}.", "Секретное слово — {word}.", "Пароль: {word}.", "Запомни: {word}.",
     "Пожалуйста, запомни: {word}", "Моё любимое слово — {word}.", "Кодовое слово {word}.", "Запомните слово {word}.",
     "Запомни число {word}."],
]
ASK_WORD = [
    ["Which word did I tell you?", "What was the word?", "What is the code?", "What is the secret word?", "What is the password?",
     "What did I ask you to remember?", "Repeat the word that I told you.", "Do you remember the word?",
     "What was the code word?", "What was the number?", "What is my favourite word?"],
    ["Какое слово я назвал?", "Какое было слово?", "Какой код?", "Какое секретное слово?", "Какой пароль?",
     "Что я просил запомнить?", "Повтори слово, которое я назвал.", "Ты помнишь слово?", "Какое кодовое слово?",
     "Какое было число?", "Какое моё любимое слово?"],
]
REPEAT = [
    ["Repeat: {text}", "Repeat after me: {text}", "Say: {text}", "Say {text}", "Echo: {text}", "Repeat this text: {text}",
     "Repeat the following: {text}", "Write: {text}", "Print {text}", "Copy this: {text}", "Echo {text}", "Repeat {text}",
     "Reply with: {text}", "Answer with exactly: {text}", "Output: {text}", "Reply with exactly {text}",
     "Please repeat this exactly: {text}", "Say exactly this: {text}"],
    ["Повтори: {text}", "Повтори за мной: {text}", "Скажи: {text}", "Скажи {text}", "Эхо: {text}", "Повтори текст: {text}",
     "Повтори следующее: {text}", "Напиши: {text}", "Выведи {text}", "Скопируй: {text}", "Повтори {text}",
     "Ответь так: {text}", "Ответь ровно: {text}", "Повторите: {text}", "Напиши {text}", "Скажите: {text}"],
]
STORY = [
    ["Tell me a story.", "Tell me a story", "Tell a story.", "Tell me a fairy tale.", "Write a short story.",
     "Write a story.", "Can you tell me a story?", "I want to hear a story.", "Make up a story.", "A story, please.",
     "Tell me a bedtime story.", "Please tell a tale.", "Write a fairy tale for children.", "Tell me another story.",
     "Do you know any stories?", "Write me a story about an animal.", "Invent a short tale.", "Story time!"],
    ["Расскажи сказку.", "Расскажи сказку", "Расскажи историю.", "Расскажи мне сказку.", "Напиши короткий рассказ.",
     "Напиши сказку.", "Можешь рассказать сказку?", "Хочу услышать сказку.", "Придумай историю.", "Сказку, пожалуйста.",
     "Расскажи сказку на ночь.", "Сочини сказку.", "Напиши сказку для детей.", "Расскажи ещё одну историю.",
     "Знаешь какие-нибудь сказки?", "Расскажи историю про зверя.", "Придумай короткую сказку.", "Расскажите сказку."],
]

KEYS = [
    {"name": "the name", "age": "the age", "city": "the city"},
    {"name": "имя", "age": "возраст", "city": "город"},
]
FACTS = [
    {
        False: ["{name} is {age} years old.", "{name} is {age}.", "{name}, {age} years old.", "This is {name}, aged {age}.",
                "My friend {name} is {age} years old.", "I know {name}, who is {age} years old.", "{name} turned {age}.",
                "The person is {name} and the age is {age}.", "Her name is {name} and she is {age}.",
                "There is a man called {name}. He is {age} years old."],
        True: ["{name} is {age} years old and lives in {city}.", "{name}, {age}, lives in {city}.",
               "{name} from {city} is {age} years old.", "My friend {name} is {age} and lives in {city}.",
               "{name} lives in {city} and is {age} years old."],
    },
    {
        False: ["Человека зовут {name}, возраст {age}.", "{name}, возраст {age}.", "{name}, {age} лет.", "Это {name}, {age} лет.",
                "Мой друг {name}, ему {age} лет.", "Её зовут {name}, ей {age} лет.", "Его зовут {name}, ему {age}.",
                "{name}: {age} лет.", "Имя: {name}. Возраст: {age}."],
        True: ["{name}, {age} лет, город {city}.", "Это {name}, возраст {age}, город {city}.",
               "Мой друг {name}, ему {age} лет, живёт в городе {city}.", "{name} живёт в городе {city}, возраст {age}."],
    },
]
EXTRACT = [
    ["Answer in JSON with {keys} of the person:", "Answer in JSON with {keys}:", "Give me {keys} as JSON:",
     "Return a JSON object with {keys}.", "Extract {keys} as JSON:", "Extract {keys} of the person in JSON.",
     "Write {keys} as a JSON object:", "Find {keys} and answer in JSON.", "Return {keys} in JSON format.",
     "JSON with {keys}, please:", "Respond with JSON that has {keys}:"],
    ["Ответь в JSON: {keys}.", "Ответь в формате JSON, укажи {keys}:", "Верни JSON с полями {keys}:", "Извлеки {keys} в JSON.",
     "Выдели {keys} и ответь в JSON:", "Напиши {keys} в виде JSON:", "Дай {keys} в JSON:", "Найди {keys}, ответь в JSON:",
     "Нужен JSON: {keys}."],
]
IN_JSON = [
    [" Answer in JSON.", " Respond using JSON.", " Respond in JSON.", " Reply in JSON format.", " Answer as a JSON object.",
     " Output JSON."],
    [" Ответь в JSON.", " Ответь в формате JSON.", " Отвечай в JSON.", " Ответ дай в JSON.", " Верни JSON."],
]

DO_NOT_KNOW = [
    "I am only a small demonstration model and do not know that. I can greet, count, add one-digit numbers, explain why the sky "
    "is blue, describe this server, tell a story and call tools.",
    "Я только маленькая демонстрационная модель и этого не знаю. Я умею здороваться, считать, складывать однозначные числа, "
    "объяснять, почему небо голубое, описывать этот сервер, рассказывать сказку и вызывать функции.",
]
NOUNS = [
    ("grass tree stone book table music history science painter language computer program bread cheese coffee tea sugar car "
     "train plane ship house garden flower rose bird cat dog horse fish elephant lion planet moon sun star ocean river "
     "mountain island winter summer spring autumn snow fire water gold silver iron glass paper money law king queen doctor "
     "teacher school university football chess guitar piano film poem novel recipe soup cake apple banana orange lemon "
     "potato tomato phone camera robot atom energy light sound heart brain blood bone sleep dream love war peace banana "
     "hello world sky server number story").split(),
    ("трава дерево камень книга стол музыка история наука художник язык компьютер программа хлеб сыр кофе чай сахар машина "
     "поезд самолёт корабль дом сад цветок роза птица кошка собака лошадь рыба слон лев планета луна солнце звезда океан река "
     "гора остров зима лето весна осень снег огонь вода золото серебро железо стекло бумага деньги закон король королева врач "
     "учитель школа университет футбол шахматы гитара пианино фильм стихи роман рецепт суп торт яблоко банан апельсин лимон "
     "картофель помидор телефон камера робот атом энергия свет звук сердце мозг кровь кость сон мечта любовь война мир привет "
     "небо сервер число сказка").split(),
]
SYMBOLS = "🙂 😀 🚀 ❤️ 🌍 👍 ☀️ 🐱 🎉 ✓ → € £ © ½ ∞ π 日本 你好 안녕 مرحبا שלום ελληνικά ąę ñ ß 한국어 हिन्दी".split()
UNKNOWN = [
    ["What is the capital of {name}?", "What is the capital of France?", "Who is {name}?", "Who wrote {name}?",
     "Why is the {noun} green?", "Why is the {noun} red?", "What is a {noun}?", "How does a {noun} work?",
     "Write a poem about the {noun}.", "Write a Python program for a {noun}.", "Translate {noun} into French.",
     "What is the price of a {noun}?", "When was {name} born?", "Where is {city}?", "How old is {person}?",
     "What is {digit} times {number}?", "What is {number} divided by {digit}?", "What is {digit} minus 1?",
     "How far is the {noun} from the {other}?", "Explain the {noun}.", "Summarize the history of the {noun}.",
     "What is the meaning of life?", "Who won the match?", "What happened in the year {number}?", "How do I cook {noun}?",
     "Recommend a {noun}.", "Is a {noun} better than a {other}?", "What is the difference between a {noun} and a {other}?",
     "Tell me a joke.", "Sing a song.", "Draw a {noun}.", "What is the time?", "What date is it today?", "Who is the president?",
     "Which {noun} is the biggest?", "How many {noun}s are there?", "What is love?", "Fix my {noun}.",
     "Write an essay on the {noun} and the {other}.", "Compare {name} and {city}.", "What colour is the {noun}?",
     "Give me advice about my {noun}.", "Do you like the {noun}?", "What do you think about {name}?",
     "Solve the equation x^2 = {number}.", "What is the square root of {number}?", "How do I install Linux?",
     "What is quantum physics?", "Define {noun}.", "Generate a title for this chat.", "Write an email to {person}.",
     "{noun} {other}", "{noun}", "I like my {noun}.", "The {noun} is near the {other}.", "Explain how to make a {noun}.",
     "Can you buy me a {noun}?", "What does {name} mean?", "Where can I find a {noun}?", "Why do we need a {noun}?"],
    ["Какая столица у страны {name}?", "Какая столица Франции?", "Кто такой {name}?", "Кто написал роман {name}?",
     "Почему трава зелёная?", "Почему огонь горячий?", "Что такое {noun}?", "Как работает {noun}?", "Напиши стихи про слово {noun}.",
     "Напиши программу на Python: {noun}.", "Переведи слово {noun} на французский.", "Сколько стоит {noun}?",
     "Когда родился {name}?", "Где находится {city}?", "Сколько лет {person}?", "Сколько будет {digit} умножить на {number}?",
     "Сколько будет {number} разделить на {digit}?", "Сколько будет {digit} минус 1?", "Что больше: {noun} или {other}?",
     "Объясни, что такое {noun}.", "В чём смысл жизни?", "Кто выиграл матч?", "Что было в {number} году?",
     "Как приготовить {noun}?", "Посоветуй: {noun} или {other}?", "Чем отличается {noun} от {other}?", "Расскажи анекдот.",
     "Расскажи шутку.", "Спой песню.", "Нарисуй {noun}.", "Который час?", "Какое сегодня число?", "Кто президент?",
     "Какая самая большая {noun}?", "Что такое любовь?", "Почини {noun}.", "Напиши сочинение на тему {noun}.",
     "Сравни {name} и {city}.", "Какого цвета {noun}?", "Тебе нравится {noun}?", "Что ты думаешь про {name}?",
     "Реши уравнение x^2 = {number}.", "Чему равен корень из {number}?", "Как установить Linux?", "Что такое квантовая физика?",
     "Дай определение: {noun}.", "Придумай заголовок для этого чата.", "Напиши письмо для {person}.", "{noun} {other}",
     "{noun}", "Мне нравится {noun}.", "Где найти {noun}?", "Что значит {name}?", "Зачем нужна {noun}?",
     "Можешь купить {noun}?"],
]
