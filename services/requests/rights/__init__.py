"""What people may ask about the data kept of them (个人信息保护法 art. 44–50): to see, correct, erase it, or to object.

Each asking is a case with a reference and a day by which it is answered, dealt with by an administrator who is not the person.
"""
